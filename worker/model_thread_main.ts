/**
 * The thread behind `model_thread.ts`: opens models and runs batches, one call after the other.
 *
 * @module
 */
import { systemClock } from "../shared/clock.ts";
import type { ThreadAnswers, ThreadCall, ThreadOpened, ThreadReply } from "./model_thread.ts";
import { openModel } from "./open_model.ts";
import type { Served } from "./served_model.ts";

interface Message {
  readonly id: number;
  readonly call: ThreadCall;
}

/** This thread's end of the way to the one that made it. */
const port = self as unknown as {
  onmessage: (event: MessageEvent<Message>) => void;
  postMessage(message: { readonly id: number; readonly reply: ThreadReply }): void;
};

/** Who calls has looked at its signal; what runs here cannot be stopped. */
const never = new AbortController().signal;
const models = new Map<string, Served>();

async function answer(call: ThreadCall): Promise<ThreadOpened | ThreadAnswers> {
  switch (call.kind) {
    case "open": {
      const { files, wanted } = call;
      const { model, ...engine } = await openModel(files, { wanted, clock: systemClock }, never);
      models.set(files.name, model);
      return { ...engine, card: model.card };
    }
    case "classify": {
      const model = models.get(call.model)!;
      const answers = await model.classify(call.batch, never);
      return { answers, tensors: model.tensors };
    }
  }
}

port.onmessage = async ({ data: { id, call } }) => {
  const reply = await answer(call).then(
    (value): ThreadReply => ({ value }),
    ({ name, message }: Error): ThreadReply => ({ error: { name, message } }),
  );
  port.postMessage({ id, reply });
};
