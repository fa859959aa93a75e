/**
 * The figures of the last hour.
 *
 * @module
 */
import type { Figure } from "./chart.ts";
import { duration, number } from "./words.ts";

export const FIGURES: readonly Figure[] = [
  {
    title: "Jobs in the queue",
    hint: "accepted, not done",
    format: number,
    top: 4,
    form: "area",
    curves: [{ name: "jobs", colour: "main", value: ({ jobs }) => jobs }],
  },
  {
    title: "Jobs a second",
    hint: "over ten seconds",
    format: number,
    top: 1,
    form: "area",
    curves: [
      { name: "answered", colour: "main", value: ({ donePerSecond }) => donePerSecond },
      { name: "came in", colour: "second", value: ({ submittedPerSecond }) => submittedPerSecond },
      { name: "not answered", colour: "fault", value: ({ failedPerSecond }) => failedPerSecond },
    ],
  },
  {
    title: "Where a job’s time goes",
    hint: "on average",
    format: duration,
    top: 10,
    form: "stack",
    curves: [
      { name: "queue", colour: "queue", value: ({ queueMs }) => queueMs },
      { name: "decode", colour: "decode", value: ({ decodeMs }) => decodeMs },
      { name: "wait", colour: "wait", value: ({ waitMs }) => waitMs },
      { name: "infer", colour: "infer", value: ({ inferMs }) => inferMs },
      { name: "reply", colour: "reply", value: ({ replyMs }) => replyMs },
    ],
  },
  {
    title: "Oldest job",
    hint: "since it was accepted",
    format: duration,
    top: 1000,
    form: "area",
    curves: [{ name: "time", colour: "main", value: ({ oldestMs }) => oldestMs }],
  },
  {
    title: "Images in a batch",
    hint: "on average",
    format: number,
    top: 4,
    form: "bars",
    curves: [{ name: "images", colour: "main", value: ({ batchImages }) => batchImages }],
  },
  {
    title: "Redis commands a second",
    hint: "from all clients",
    format: number,
    top: 10,
    form: "bars",
    curves: [{
      name: "commands",
      colour: "main",
      value: ({ commandsPerSecond }) => commandsPerSecond,
    }],
  },
];
