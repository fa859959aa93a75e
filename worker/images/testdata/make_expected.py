"""Makes shapes.png and keras.json: what Keras computes for the pictures of decode_test.ts.

    pip install keras==3.15.1 numpy==2.4.6 pillow==13.0.0
    KERAS_BACKEND=numpy python make_expected.py CASTLE_JPG
"""

import json
import pathlib
import sys

import keras
import numpy
import PIL
from keras.applications.imagenet_utils import preprocess_input
from PIL import Image, ImageDraw

SIDE = 224
# Every 14th row and column from the 7th on: 16 by 16 positions.
SAMPLED = slice(7, None, 14)
FOLDER = pathlib.Path(__file__).parent


def draw(path):
    """Gradients and hard edges, as sharp in both as a resampling can be judged by."""
    y, x = numpy.mgrid[0:240, 0:320]
    gradient = numpy.stack([x * 255 // 319, y * 255 // 239, (x + y) * 255 // 558], axis=-1)
    picture = Image.fromarray(gradient.astype("uint8"))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((30, 30, 130, 130), fill=(250, 220, 30), outline=(0, 0, 0), width=5)
    pen.rectangle((170, 40, 290, 110), fill=(20, 60, 200))
    pen.polygon([(60, 220), (120, 150), (180, 220)], fill=(10, 130, 40))
    for i in range(12):
        pen.line((200 + 8 * i, 140, 200 + 8 * i, 220), fill=(255, 255, 255), width=3)
    picture.save(path, optimize=True)


def expected(path, interpolation, mode):
    image = keras.utils.load_img(path, target_size=(SIDE, SIDE), interpolation=interpolation)
    numbers = preprocess_input(
        keras.utils.img_to_array(image, data_format="channels_last"),
        data_format="channels_last",
        mode=mode,
    )
    return {
        "picture": path.name,
        "interpolation": interpolation,
        "mode": mode,
        "mean": [round(float(v), 4) for v in numbers.mean((0, 1))],
        "std": [round(float(v), 4) for v in numbers.std((0, 1))],
        "samples": [round(float(v), 4) for v in numbers[SAMPLED, SAMPLED].ravel()],
    }


castle = pathlib.Path(sys.argv[1])
shapes = FOLDER / "shapes.png"
draw(shapes)
answer = {
    "madeBy": f"make_expected.py, Keras {keras.__version__}, Pillow {PIL.__version__}",
    "first": SAMPLED.start,
    "step": SAMPLED.step,
    "cases": [
        expected(castle, "bicubic", "caffe"),
        expected(shapes, "bicubic", "caffe"),
        expected(shapes, "bilinear", "torch"),
    ],
}
(FOLDER / "keras.json").write_text(json.dumps(answer, separators=(",", ":")) + "\n")
