/**
 * The images of a request: the parts of its form named `image`, or its bare body.
 *
 * Owns what of a request counts as an image. Never judges an image's bytes.
 * Invariant: images keep the order in which the client sent them.
 *
 * @module
 */
import type { ZodOpenApiRequestBodyObject } from "zod-openapi";
import type { Fault } from "../../shared/errors.ts";
import { MEDIA_TYPES } from "../../shared/media_type.ts";
import { type BodyOptions, readBody } from "./body.ts";
import { parseForm } from "./form.ts";

/** Name of the form's field that carries an image. */
const IMAGE_FIELD = "image";

/** Most images in one request. */
export const IMAGES_MAX = 64;

/** The body as a document describes it. */
export const IMAGES_BODY: ZodOpenApiRequestBodyObject = {
  required: true,
  description: "Images as the parts of a form, or one bare image. What counts is the bytes, not " +
    `the type that is declared: ${MEDIA_TYPES.join(", ")}.`,
  content: {
    "multipart/form-data": {
      schema: {
        type: "object",
        properties: {
          [IMAGE_FIELD]: {
            type: "array",
            description: `One image in each part, ${IMAGES_MAX} at most`,
            items: { type: "string", contentMediaType: "image/*" },
            minItems: 1,
            maxItems: IMAGES_MAX,
          },
        },
        required: [IMAGE_FIELD],
      },
      encoding: { [IMAGE_FIELD]: { contentType: MEDIA_TYPES.join(", ") } },
    },
    "image/*": {},
  },
};

/** The images, at least one; or why there are none. */
export type Images =
  | { readonly ok: true; readonly images: readonly Uint8Array[] }
  | ({ readonly ok: false } & Fault);

/**
 * Reads the images of a request. Other fields of a form are ignored; a body that is no form is one
 * image, whatever type it declares.
 *
 * @returns views of the body, possibly empty ones; or the fault: that of `readBody`, or
 * `invalid_request` for a form that is malformed, has no image or too many
 *
 * @example
 * ```ts
 * import { systemClock } from "../../shared/clock.ts";
 * import { readImages } from "./images.ts";
 *
 * const request = new Request("http://localhost/predict", { method: "POST", body: "bytes" });
 * await readImages(request, { bodyBytesMax: 10, bodyTimeoutMs: 1_000, clock: systemClock });
 * ```
 */
export async function readImages(request: Request, options: BodyOptions): Promise<Images> {
  const body = await readBody(request, options);
  if (!body.ok) return body;
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^multipart\//i.test(contentType)) return { ok: true, images: [body.bytes] };

  const form = parseForm(body.bytes, contentType);
  if (!form.ok) return refused(form.state);
  const images = form.parts.filter(({ name }) => name === IMAGE_FIELD).map((part) => part.content);
  if (images.length === 0) return refused(`no part is named "${IMAGE_FIELD}"`);
  if (images.length > IMAGES_MAX) return refused(`more than ${IMAGES_MAX} images`);
  return { ok: true, images };
}

function refused(state: string): Images {
  return { ok: false, code: "invalid_request", detail: `read form: ${state}` };
}
