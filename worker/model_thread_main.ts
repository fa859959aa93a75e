/**
 * The thread behind `model_thread.ts`: watches and reads the repository, opens models and runs
 * batches.
 *
 * @module
 */
import { systemClock } from "../shared/clock.ts";
import type { ThreadCall, ThreadMessage, ThreadReply } from "./model_thread.ts";
import { surveyRepository } from "./models/repository.ts";
import { RepositoryWatch } from "./models/watch.ts";
import { openModel } from "./open_model.ts";
import type { Served } from "./served_model.ts";

interface Message {
  readonly id: number;
  readonly call: ThreadCall;
}

/** This thread's end of the way to the one that made it. */
const port = self as unknown as {
  onmessage: (event: MessageEvent<Message>) => void;
  postMessage(message: ThreadMessage): void;
};

/** Who calls has looked at its signal; what runs here cannot be stopped. */
const never = new AbortController().signal;
const models = new Map<number, Served>();
let opened = 0;
let watch: RepositoryWatch | undefined;

async function answer(call: ThreadCall): Promise<unknown> {
  switch (call.kind) {
    case "open": {
      const { files, options } = call;
      const { model, ...engine } = await openModel(
        files,
        { ...options, clock: systemClock },
        never,
      );
      const number = opened++;
      models.set(number, model);
      return { number, ...engine, card: model.card };
    }
    case "answer": {
      const model = models.get(call.model)!;
      const answers = await model.answer(call.batch, never);
      return { answers, tensors: model.tensors };
    }
    case "close":
      models.get(call.model)![Symbol.dispose]();
      models.delete(call.model);
      return;
    case "survey":
      return await surveyRepository(call.repository);
    case "watch":
      watch?.[Symbol.dispose]();
      watch = new RepositoryWatch({
        folder: call.repository,
        onChange: () => port.postMessage({ kind: "changed" }),
        clock: systemClock,
      });
  }
}

port.onmessage = async ({ data: { id, call } }) => {
  const reply = await answer(call).then(
    (value): ThreadReply => ({ value }),
    ({ name, message }: Error): ThreadReply => ({ error: { name, message } }),
  );
  port.postMessage({ kind: "reply", id, reply });
};
