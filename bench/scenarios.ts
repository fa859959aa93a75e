/**
 * The list of scenarios, in the order in which they run; each is loaded when it does.
 *
 * @module
 */
import type { Scenario } from "./scenario.ts";

export interface ListedScenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly description: string;
  readonly load: () => Promise<Scenario>;
}

export const SCENARIOS: readonly ListedScenario[] = [
  {
    name: "roundtrip",
    description: "no model: throughput, latency and commands, against BullMQ and polling",
    load: async () => (await import("./scenarios/roundtrip.ts")).roundtrip,
  },
  {
    name: "pipeline",
    description: "one worker behind HTTP against a bare loop of its decoder and model",
    load: async () => (await import("./scenarios/pipeline.ts")).pipeline,
  },
  {
    name: "resnet50",
    description: "a large model: Weir against the polling design with one image a batch",
    load: async () => (await import("./scenarios/resnet50.ts")).resnet50,
  },
  {
    name: "peers",
    description: "against mosec with the same ONNX model; needs python3 and PyPI",
    load: async () => (await import("./scenarios/peers.ts")).peers,
  },
  {
    name: "idle",
    description: "clients that wait for events while nothing happens: commands, memory",
    load: async () => (await import("./scenarios/idle.ts")).idle,
  },
  {
    name: "waiting",
    description: "100 clients that wait 2 s for their jobs: result streams against other ways",
    load: async () => (await import("./scenarios/waiting.ts")).waiting,
  },
  {
    name: "scale",
    description: "an engine of 50 ms an image: 1 to 32 workers, 1 to 4 gateways, 1 to 4 shards",
    load: async () => (await import("./scenarios/scale.ts")).scale,
  },
  {
    name: "overload",
    description: "twice the load that can be served: waits, refusals, memory",
    load: async () => (await import("./scenarios/overload.ts")).overload,
  },
  {
    name: "fairness",
    description: "a flood of one API key beside another: with lanes, and in one",
    load: async () => (await import("./scenarios/fairness.ts")).fairness,
  },
  {
    name: "soak",
    description: "a mixed load for some minutes: memory, tensors, streams, connections stay flat",
    load: async () => (await import("./scenarios/soak.ts")).soak,
  },
  {
    name: "stress",
    description: "500 requests at the same moment, each answer checked",
    load: async () => (await import("./scenarios/stress.ts")).stress,
  },
  {
    name: "rapid",
    description: "100 WebSocket clients, each sending bursts of 50 images, each answer checked",
    load: async () => (await import("./scenarios/rapid.ts")).rapid,
  },
];
