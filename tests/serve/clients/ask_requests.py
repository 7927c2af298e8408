"""Ask as TensorFlow Serving's clients. Arguments: host, model, photo. Prints answers as JSON."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import requests

host, model, photo = sys.argv[1:]
url = f"http://{host}/v1/models/{model}"
image = {"b64": base64.b64encode(Path(photo).read_bytes()).decode()}

status = requests.get(url, timeout=60).json()
assert status["model_version_status"][0]["state"] == "AVAILABLE"
classes = requests.get(f"{url}/metadata", timeout=60).json()["metadata"]["classes"]

rows = requests.post(
    f"{url}:predict",
    data=json.dumps({"signature_name": "serving_default", "instances": [image]}),
    headers={"content-type": "application/json"},
    timeout=60,
)
columns = requests.post(f"{url}:predict", json={"inputs": {"image": [image]}}, timeout=60)
labels = requests.post(f"{url}:classify", json={"examples": [{"image": image}]}, timeout=60)
for response in (rows, columns, labels):
    response.raise_for_status()

answers = [
    list(zip(classes, rows.json()["predictions"][0], strict=True)),
    list(zip(classes, columns.json()["outputs"][0], strict=True)),
    labels.json()["results"][0],
]

print(json.dumps(answers))
