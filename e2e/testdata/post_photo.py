"""Posts a photo as clients of a model behind Flask do, and prints what they read of the answer."""

import sys

import requests

address, path = sys.argv[1:]
with open(path, "rb") as photo:
    answer = requests.post(address, files={"image": photo.read()}).json()
if answer["success"]:
    for result in answer["predictions"]:
        print(f"{result['label']}: {result['probability']:.4f}")
else:
    print("failed")
