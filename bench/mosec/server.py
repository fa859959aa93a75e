"""
A mosec server as its users build one: processes that decode, then one that runs the model.

For bench alone. MODEL and SIDE come from the environment; mosec reads the arguments (--port).
"""

import io
import json
import os
import signal
import sys
import threading

import numpy as np
import onnxruntime
from mosec import Server, Worker
from mosec.errors import DecodingError
from PIL import Image

SIDE = int(os.environ["SIDE"])
BATCH = 32
TOP = 5


class Decode(Worker):
    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> np.ndarray:
        try:
            image = Image.open(io.BytesIO(data)).convert("RGB")
        except OSError as error:
            raise DecodingError(str(error)) from error
        image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return np.asarray(image, dtype=np.float32) / 127.5 - 1


class Classify(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"])
        self.input = self.session.get_inputs()[0].name
        self.forward([np.zeros((SIDE, SIDE, 3), np.float32)])

    def forward(self, data: list[np.ndarray]) -> list[list[dict]]:
        (scores,) = self.session.run(None, {self.input: np.stack(data)})
        best = np.argsort(-scores, axis=1)[:, :TOP]
        return [
            [{"label": str(c), "probability": float(row[c])} for c in classes]
            for row, classes in zip(scores, best)
        ]

    def serialize(self, data: list[dict]) -> bytes:
        answer = {"success": True, "predictions": data}
        return json.dumps(answer, separators=(",", ":")).encode()


def end_with_input() -> None:
    """Ends with whoever started it."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    server = Server()
    server.append_worker(Decode, num=os.cpu_count() or 1, route="/predict")
    server.append_worker(Classify, num=1, max_batch_size=BATCH, route="/predict")
    server.run()
