/** Kubernetes' manifests, held against the roles and judged by its own schemas, and KEDA's. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ScaledObject, TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { ROOT } from "../e2e/program.ts";
import { SETTINGS } from "../shared/config.ts";
import { LANES, ShardKeys } from "../shared/redis/keys.ts";
import {
  PORTS,
  read,
  readManifests,
  readYaml,
  type Role,
  ROLES,
  stopMs,
  whyNotPinned,
} from "./testing/files.ts";
import { assertLinter, withoutLinters } from "./testing/linters.ts";

/** The oldest that the manifests are for, and the newest that is known. */
const VERSIONS = ["1.30", "1.37"];

const BASE = "kubernetes/base";

interface Kustomization {
  readonly resources: readonly string[];
}

interface Container {
  readonly image: string;
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: unknown;
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: unknown;
  readonly resources: { readonly requests: unknown; readonly limits: { readonly memory: string } };
  readonly startupProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly livenessProbe: Container["startupProbe"];
  readonly readinessProbe: Container["startupProbe"];
}

interface Pod {
  readonly enableServiceLinks: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
  readonly containers: readonly [Container];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: { readonly replicas?: number; readonly template: { readonly spec: Pod } };
}

const { resources } = await readYaml<Kustomization>(`${BASE}/kustomization.yaml`);
const manifests = (await Promise.all(
  resources.map((name) => readManifests<Manifest>(`${BASE}/${name}`)),
)).flat();

function find(kind: string, name: string): Manifest {
  const found = manifests.find((it) => it.kind === kind && it.metadata.name === name);
  assert(found !== undefined, `there is no ${kind} ${name}`);
  return found;
}

function podOf(role: Role): Pod {
  return find("Deployment", `weir-${role}`).spec.template.spec;
}

const pods = [
  podOf("gateway"),
  podOf("worker"),
  find("StatefulSet", "weir-redis").spec.template.spec,
];

for (const version of VERSIONS) {
  Deno.test({
    name: `kubernetes ${version} takes every manifest, and knows every field in it`,
    ignore: withoutLinters,
    fn: async () => {
      const files = resources.map((name) => join(ROOT, "deploy", BASE, name));
      await assertLinter("kubernetes-validate", "--strict", "--version", version, ...files);
    },
  });
}

Deno.test("every pod may do no more than it must", () => {
  for (const pod of pods) {
    const [{ image, securityContext, resources }] = pod.containers;
    assert.equal(pod.securityContext.runAsNonRoot, true, image);
    assert.equal(pod.automountServiceAccountToken, false, image);
    assert.deepEqual(securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    assert(resources.limits.memory !== undefined && resources.requests !== undefined, image);
    assert(/^weir-\w+$/.test(image) || whyNotPinned(image) === undefined, image);
  }
});

Deno.test("no service of the namespace becomes a setting that there is none of", () => {
  for (const { enableServiceLinks } of pods) assert.equal(enableServiceLinks, false);
});

Deno.test("the kubelet asks each role where it answers, and never starts it again for Redis' sake", () => {
  for (const role of ROLES) {
    const [{ ports: [port], startupProbe, livenessProbe, readinessProbe }] = podOf(role).containers;
    assert.equal(port!.containerPort, PORTS[role]);
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
      assert.equal(httpGet.port, port!.name);
    }
    assert.equal(livenessProbe.httpGet.path, "/healthz");
    assert.equal(readinessProbe.httpGet.path, "/readyz");
  }
});

/** The settings that a pod's first container is given as they are. */
function settingsOf({ containers: [{ env }] }: Pod): Record<string, string | undefined> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

Deno.test("every role has the time that it needs to stop", () => {
  for (const role of ROLES) {
    const pod = podOf(role);
    assert(pod.terminationGracePeriodSeconds * 1000 >= stopMs(settingsOf(pod)), role);
  }
  // Until it is over, what sends requests may not have heard that the pod goes.
  assert(Number(settingsOf(podOf("gateway"))["WEIR_DRAIN_DELAY_MS"]) >= 5_000);
});

Deno.test("every role is named after its pod, and is told where Redis is by a secret", () => {
  for (const role of ROLES) {
    const { env } = podOf(role).containers[0];
    const from = Object.fromEntries(env.map(({ name, valueFrom }) => [name, valueFrom]));
    assert.deepEqual(from["WEIR_NAME"], { fieldRef: { fieldPath: "metadata.name" } });
    assert.deepEqual(from["REDIS_URL"], { secretKeyRef: { name: "weir-redis", key: "url" } });
  }
});

Deno.test("kubernetes' redis has the settings of the file beside", async () => {
  assert.equal(find("ConfigMap", "weir-redis").data!["redis.conf"], await read("redis.conf"));
});

Deno.test("KEDA takes its manifests", async () => {
  const [authentication, scaled, ...rest] = await readManifests("kubernetes/keda/scaling.yaml");
  assert.equal(rest.length, 0);
  assert(TriggerAuthentication.is(authentication) && ScaledObject.is(scaled));
  new TriggerAuthentication(authentication).validate();
  new ScaledObject(scaled).validate();
  assert.throws(() => new ScaledObject({ ...scaled, spec: { triggers: [] } as never }).validate());
});

Deno.test("workers are scaled by the length of all streams of the built-in model", async () => {
  const [, scaled] = await readManifests<ScaledObject>("kubernetes/keda/scaling.yaml");
  const { scaleTargetRef, minReplicaCount, triggers, advanced } = scaled!.spec!;
  assert.equal(scaleTargetRef.name, find("Deployment", "weir-worker").metadata.name);
  assert(minReplicaCount! >= 1, "the length of an empty stream wakes nobody");
  const perWorker = String(2 * Number(SETTINGS.WEIR_BATCH_MAX.default));
  const address = "weir-redis.weir.svc.cluster.local:6379";
  assert.deepEqual(
    triggers.map(({ type, metadata }) => ({ type, ...metadata })),
    new ShardKeys(0).lanes("shapes").map((stream) => ({
      // A consumer group would have it count what is pending, or the lag.
      ...{ type: "redis-streams", address, stream, streamLength: perWorker },
    })),
  );
  const names = Array.from({ length: LANES }, (_, lane) => `lane${lane}`);
  assert.deepEqual(triggers.map(({ name }) => name), names);
  assert.deepEqual(advanced!.scalingModifiers, {
    formula: names.join(" + "),
    target: perWorker,
    metricType: "AverageValue",
  });
});
