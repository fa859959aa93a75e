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
    hint: "taken in, not done",
    format: number,
    top: 4,
    form: "area",
    curves: [{ name: "jobs", swatch: "series-a", value: ({ jobs }) => jobs }],
  },
  {
    title: "Jobs a second",
    hint: "over ten seconds",
    format: number,
    top: 1,
    form: "area",
    curves: [
      { name: "answered", swatch: "series-a", value: ({ donePerSecond }) => donePerSecond },
      { name: "came", swatch: "series-b", value: ({ submittedPerSecond }) => submittedPerSecond },
      { name: "not answered", swatch: "series-c", value: ({ failedPerSecond }) => failedPerSecond },
    ],
  },
  {
    title: "Where a job’s time goes",
    hint: "on average",
    format: duration,
    top: 10,
    form: "stack",
    curves: [
      { name: "queue", swatch: "stage-queue", value: ({ queueMs }) => queueMs },
      { name: "decode", swatch: "stage-decode", value: ({ decodeMs }) => decodeMs },
      { name: "infer", swatch: "stage-infer", value: ({ inferMs }) => inferMs },
      { name: "reply", swatch: "stage-rest", value: ({ replyMs }) => replyMs },
    ],
  },
  {
    title: "Oldest job",
    hint: "since it was taken in",
    format: duration,
    top: 1000,
    form: "area",
    curves: [{ name: "time", swatch: "series-a", value: ({ oldestMs }) => oldestMs }],
  },
  {
    title: "Images in a batch",
    hint: "on average",
    format: number,
    top: 4,
    form: "bars",
    curves: [{ name: "images", swatch: "series-a", value: ({ batchImages }) => batchImages }],
  },
  {
    title: "Redis commands a second",
    hint: "of anybody",
    format: number,
    top: 10,
    form: "bars",
    curves: [{
      name: "commands",
      swatch: "series-a",
      value: ({ commandsPerSecond }) => commandsPerSecond,
    }],
  },
];
