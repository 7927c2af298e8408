"""Ask with Hugging Face's client. Arguments: host, model, photo. Prints each answer as JSON."""

from __future__ import annotations

import json
import sys

from huggingface_hub import InferenceClient

host, model, photo = sys.argv[1:]

client = InferenceClient(model=f"http://{host}/models/{model}")
answers = [
    client.image_classification(photo),
    client.image_classification(photo, top_k=1, function_to_apply="softmax"),
    InferenceClient(model=f"http://{host}").image_classification(photo),
]

print(json.dumps([[[each.label, each.score] for each in answer] for answer in answers]))
