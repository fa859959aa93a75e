/**
 * One HTTP request, with everything that can become of it as a value.
 *
 * Invariant: it ends within its bound.
 *
 * @module
 */
export interface Call {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Longer than the answer may take. */
  readonly boundMs: number;
}

export type Answer =
  | { readonly kind: "response"; readonly status: number; readonly text: string }
  /** The connection broke, or there was none. */
  | { readonly kind: "broken"; readonly error: string }
  | { readonly kind: "hung" };

/** Asks, and reads the answer to its end. */
export async function ask({ method, url, headers = {}, body, boundMs }: Call): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers },
      signal: AbortSignal.timeout(boundMs),
      ...(body !== undefined && { body }),
    });
    return { kind: "response", status: response.status, text: await response.text() };
  } catch (error) {
    if ((error as Error).name === "TimeoutError") return { kind: "hung" };
    return { kind: "broken", error: String(error) };
  }
}
