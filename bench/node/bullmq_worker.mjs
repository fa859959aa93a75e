/** BullMQ's worker, which does nothing with the photo but read it. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const concurrency = Number(process.env.CONCURRENCY);
const worker = new Worker("photos", ({ data }) => {
  Buffer.from(data.image, "base64");
  return Promise.resolve({ success: true, predictions: [] });
}, { connection, concurrency });
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit(0));
await worker.waitUntilReady();
process.stdout.write("worker ready name=bullmq\n");
