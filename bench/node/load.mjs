/**
 * The load: requests over HTTP from many connections, each sending its next one after an answer.
 *
 * A process of its own, so that its cost can be told from the system's: it reads what to do as a
 * line of JSON from standard input and prints what came of it as a line of JSON.
 */
import autocannon from "autocannon";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

/**
 * @typedef {object} Load
 * @property {string} url whole address
 * @property {string} file what is sent as the body
 * @property {number} connections
 * @property {number} warmUp requests that do not count; they tell how many make up the time
 * @property {number} seconds how long the requests that count shall take, about
 * @property {number=} requests how many count instead, without any before
 * @property {number} timeoutSeconds after which a request counts as unanswered
 * @property {string} expected what an answer must hold
 */

/** @param {Load} load @param {number} amount */
async function run({ url, file, connections, timeoutSeconds, expected }, amount) {
  const latencies = new Float64Array(amount);
  const faults = new Map();
  let answers = 0;
  let ended = 0;
  const instance = autocannon({
    url,
    method: "POST",
    body: readFileSync(file),
    headers: { "content-type": "image/jpeg" },
    connections: Math.min(connections, amount),
    amount,
    timeout: timeoutSeconds,
    verifyBody: (body) => body.includes(expected),
  });
  instance.on("response", (_client, status, _bytes, ms) => {
    latencies[answers++] = ms;
    ended = performance.now();
    if (status !== 200) faults.set(status, (faults.get(status) ?? 0) + 1);
  });
  const began = performance.now();
  // It resolves at a full second, some time after the last answer.
  const { errors, timeouts, mismatches } = await instance;
  return {
    seconds: (ended - began) / 1000,
    latencies: [...latencies.subarray(0, answers)],
    faults: { ...Object.fromEntries(faults), errors, timeouts, mismatches },
  };
}

/** Warms up, and tells how many requests make up the time. @param {Load} load */
async function amountOf(load) {
  const { latencies, seconds } = await run(load, Math.max(load.warmUp, 2 * load.connections));
  return Math.ceil(load.seconds * latencies.length / seconds);
}

/** @type {Load} */
const load = JSON.parse(await text(process.stdin));
const amount = load.requests ?? await amountOf(load);
const before = process.cpuUsage();
const measured = await run(load, Math.max(amount, load.connections));
const { user, system } = process.cpuUsage(before);
// A pipe takes so much at once; the rest must not be cut off.
const report = JSON.stringify({ ...measured, cpuSeconds: (user + system) / 1e6 }) + "\n";
process.stdout.write(report, () => process.exit(0));
