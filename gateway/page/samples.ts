/**
 * Sample photos of the built-in model's classes, which it knows and nothing else.
 *
 * @module
 */

/** Their names: among the fixtures' photos, and as they are served. */
export const SAMPLES: readonly string[] = [
  "star.jpg",
  "heart.webp",
  "spiral.jpg",
  "moon.jpg",
  "checkerboard.webp",
];
