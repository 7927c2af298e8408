"""Ask with Triton's client. Arguments: host, model, photo. Prints each answer as JSON."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import numpy as np
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

host, model, photo = sys.argv[1:]
client = httpclient.InferenceServerClient(url=host)
assert client.is_server_live()
assert client.is_server_ready()
assert client.is_model_ready(model)
assert client.get_server_metadata()["name"] == "imgrec"
metadata = client.get_model_metadata(model)

name, datatype = metadata["inputs"][0]["name"], metadata["inputs"][0]["datatype"]
photos = np.array([base64.b64encode(Path(photo).read_bytes())], dtype=np.object_)
image = httpclient.InferInput(name, [1], datatype)
image.set_data_from_numpy(photos, binary_data=False)

label = client.infer(model, [image], request_id="7")
assert label.get_response()["id"] == "7"
best = label.as_numpy("label")[0]
probability = label.as_numpy("probabilities")[0].max()

ranked = client.infer(
    model,
    [image],
    outputs=[httpclient.InferRequestedOutput("probabilities", binary_data=False, class_count=5)],
)
listed = [text.split(":", 2) for text in ranked.as_numpy("probabilities")[0]]

in_binary = httpclient.InferInput(name, [1], datatype)
in_binary.set_data_from_numpy(photos)
try:
    client.infer(model, [in_binary])
    raise AssertionError("answered")
except InferenceServerException as error:
    assert "binary_data=False" in error.message(), error

answers = [
    [[best, float(probability)]],
    [[class_name, float(score)] for score, _, class_name in listed],
]

print(json.dumps(answers))
