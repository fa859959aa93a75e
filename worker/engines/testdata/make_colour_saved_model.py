"""Writes colour/1 beside this file: the net of worker/models/testing/colour_model.ts as a SavedModel.

Run once with TensorFlow 2.15.1 (PyPI: tensorflow-cpu==2.15.1); the result is committed.
"""
from pathlib import Path

import tensorflow as tf


class Colour(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable([[4.0, -2, -2, 0], [-2, 4, -2, 0], [-2, -2, 4, 0]])
        self.bias = tf.Variable([0, 0, 0, 0.5])

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.float32, name="image")])
    def scores(self, image):
        mean = tf.reduce_mean(image, axis=[1, 2])
        return {"scores": tf.nn.softmax(mean @ self.kernel + self.bias)}


colour = Colour()
folder = Path(__file__).parent / "colour" / "1"
tf.saved_model.save(colour, str(folder), signatures={"serving_default": colour.scores})
(folder / "fingerprint.pb").unlink()
