/**
 * What a socket's client is told, one JSON text a message.
 *
 * @module
 */
import type { JobId } from "../../shared/job.ts";
import type { FollowedEvent } from "../events/event.ts";
import { PROBLEMS, type Refusal, retryAfterSeconds } from "../problem.ts";

/** The image that a message is about. */
export interface About {
  /** Place among the client's images, from 1 on. */
  readonly seq: number;
  /** Its job, once there is one. */
  readonly id?: JobId;
}

/**
 * Tells that an image is a job.
 *
 * @param window how many more images may be sent before one of those under way is answered
 */
export function acceptedText({ seq, id }: Required<About>, window: number): string {
  return JSON.stringify({ type: "accepted", seq, id, window });
}

/** Tells an event of an image's job: its data's members beside the message's own. */
export function eventText({ seq, id }: Required<About>, { name, data }: FollowedEvent): string {
  return JSON.stringify({ type: name, seq, id, ...data });
}

/** Tells why a message became no job, or nothing more is told of one: a problem's members. */
export function errorText(refusal: Refusal, about?: About): string {
  const { code, detail } = refusal;
  const { status, title } = PROBLEMS[code];
  const retryAfter = retryAfterSeconds(refusal);
  return JSON.stringify({
    type: "error",
    ...about,
    title,
    status,
    code,
    detail,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}
