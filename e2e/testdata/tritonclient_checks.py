"""Asks a Weir as users of Triton do, with their own client.

Takes what there is to ask about as JSON, and prints a line for each thing that held.
"""

import base64
import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

given = json.loads(sys.argv[1])
MODEL = "colour"
SIDE = given["side"]
HEADERS = {"Authorization": f"Bearer {given['key']}"} if "key" in given else None
PICTURES = [base64.b64decode(picture["bytes"]) for picture in given["pictures"]]
LABELS = [picture["label"].encode() for picture in given["pictures"]]
PROBABILITIES = [picture["probability"] for picture in given["pictures"]]

client = triton.InferenceServerClient(given["url"], concurrency=4)


def image_input(pictures, binary):
    if binary:
        elements = pictures
    else:
        elements = [base64.b64encode(picture) for picture in pictures]
    sent = triton.InferInput("image", [len(pictures)], "BYTES")
    return sent.set_data_from_numpy(np.array(elements, dtype=np.object_), binary_data=binary)


def tensor_input(binary):
    """What the pictures become: one colour each, from 0 to 1."""
    colours = np.array([picture["rgb"] for picture in given["pictures"]], dtype=np.float32) / 255
    tensor = np.broadcast_to(colours[:, None, None, :], (len(colours), SIDE, SIDE, 3)).copy()
    sent = triton.InferInput("tensor", list(tensor.shape), "FP32")
    return sent.set_data_from_numpy(tensor, binary_data=binary)


def wanted(name, binary):
    return triton.InferRequestedOutput(name, binary_data=binary)


def infer(sent, **options):
    return client.infer(MODEL, [sent], headers=None if HEADERS is None else dict(HEADERS), **options)


def assert_seen(result, k=4):
    labels, probabilities = result.as_numpy("labels"), result.as_numpy("probabilities")
    assert labels.shape == probabilities.shape == (len(PICTURES), k), labels.shape
    assert probabilities.dtype == np.float32, probabilities.dtype
    # In JSON, BYTES are texts.
    first = [label if isinstance(label, bytes) else label.encode() for label in labels[:, 0]]
    assert first == LABELS, first
    assert np.allclose(probabilities[:, 0], PROBABILITIES, atol=0.01), probabilities


def refused(status, words, ask, *arguments, **options):
    try:
        ask(*arguments, **options)
    except InferenceServerException as error:
        assert (error.status(), error.message()) == (str(status), words), error
    else:
        raise AssertionError(f"it was not refused: {words}")


def held(sentence):
    print(sentence, flush=True)


assert client.is_server_live() and client.is_server_ready()
held("live and ready")

assert client.is_model_ready(MODEL, headers=HEADERS)
assert client.is_model_ready(MODEL, "1", headers=HEADERS)
assert not client.is_model_ready(MODEL, "2", headers=HEADERS)
assert not client.is_model_ready("none", headers=HEADERS)
held("a model is ready, or not")

server = client.get_server_metadata(headers=HEADERS)
assert server["name"] == "weir" and "binary_tensor_data" in server["extensions"], server
model = client.get_model_metadata(MODEL, "1", headers=HEADERS)
assert model == client.get_model_metadata(MODEL, headers=HEADERS)
assert model["versions"] == ["1"], model
assert [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in model["inputs"]] == [
    ("image", "BYTES", [-1]),
    ("tensor", "FP32", [-1, SIDE, SIDE, 3]),
], model
assert [tensor["name"] for tensor in model["outputs"]] == ["labels", "probabilities"], model
held("metadata")

for binary in [True, False]:
    for sent in [image_input(PICTURES, binary), tensor_input(binary)]:
        assert_seen(infer(sent))
        for output in [True, False]:
            outputs = [wanted("labels", output), wanted("probabilities", not output)]
            assert_seen(infer(sent, outputs=outputs))
held("photos and tensors, in both encodings, asked for and answered")

only = infer(image_input(PICTURES, True), outputs=[wanted("probabilities", False)])
assert only.as_numpy("labels") is None
assert only.as_numpy("probabilities").shape == (len(PICTURES), 4)
assert_seen(infer(tensor_input(True), parameters={"top": 2}, model_version="1"), k=2)
echoed = infer(image_input(PICTURES, True), request_id="mine", timeout=30_000_000).get_response()
assert (echoed["id"], echoed["model_name"], echoed["model_version"]) == ("mine", MODEL, "1")
held("outputs, parameters, version and id")

for algorithm in ["gzip", "deflate"]:
    for output in [True, False]:
        assert_seen(
            infer(
                image_input(PICTURES, True),
                outputs=[wanted("labels", output), wanted("probabilities", output)],
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
        )
held("compression")

waiting = [
    client.async_infer(MODEL, [image_input(PICTURES, True)], headers=HEADERS) for _ in range(16)
]
for request in waiting:
    assert_seen(request.get_result())
held("many at once")

refused(404, f'no such model, the nearest is "{MODEL}"', client.infer, "none", [tensor_input(True)], headers=HEADERS)
refused(
    404,
    f'no version "7" of model "{MODEL}" is served',
    infer,
    tensor_input(True),
    model_version="7",
)
for algorithm in [None, "gzip", "deflate"]:
    refused(
        415,
        "read image: not JPEG, PNG, WebP, GIF or AVIF",
        infer,
        image_input([b"no photo" * 100], True),
        response_compression_algorithm=algorithm,
    )
refused(
    422,
    "image 2 of 2: decode image: the image/png data is incomplete or damaged",
    infer,
    image_input([PICTURES[0], PICTURES[0][:60]], True),
)
refused(
    400,
    'read inference request: "parameters": "sequence_id" is unknown, '
    'the known parameters are "top", "timeout", "binary_data_output"',
    infer,
    tensor_input(True),
    sequence_id=1,
)
refused(
    404,
    f"nothing is served at /v2/models/{MODEL}/config",
    client.get_model_config,
    MODEL,
    headers=HEADERS,
)
held("refusals, each with its reason")

if HEADERS is not None:
    missing = 'an API key is needed: send "Authorization: Bearer KEY"'
    refused(401, missing, client.get_server_metadata)
    refused(401, missing, client.infer, MODEL, [tensor_input(True)])
    assert not client.is_model_ready(MODEL)
    assert client.is_server_live() and client.is_server_ready()
    held("the key")

client.close()
