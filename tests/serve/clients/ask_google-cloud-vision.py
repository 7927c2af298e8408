"""Ask with Google's client over REST. Arguments: host, model, photo. Prints answers as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from google.cloud import vision
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorRestTransport

host, model, photo = sys.argv[1:]
client = vision.ImageAnnotatorClient(
    transport=ImageAnnotatorRestTransport(
        host=host, url_scheme="http", credentials=AnonymousCredentials()
    )
)

image = vision.Image(content=Path(photo).read_bytes())
labelled = client.label_detection(image=image)
feature = vision.Feature(type_=vision.Feature.Type.LABEL_DETECTION, max_results=1, model=model)
first = client.annotate_image({"image": image, "features": [feature]})

address = vision.Image(source=vision.ImageSource(image_uri="https://example.com/a.jpg"))
assert client.label_detection(image=address).error.code == 3
assert client.face_detection(image=image).error.code == 12
try:
    client.batch_annotate_images(requests=[])
    raise AssertionError("answered")
except BadRequest as error:
    assert "requests" in error.message, error

answers = [
    [[label.description, label.score] for label in found.label_annotations]
    for found in (labelled, first)
]

print(json.dumps(answers))
