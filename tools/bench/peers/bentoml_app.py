"""A service of BentoML, with batches as its documentation has them.

IMGREC_MODEL=MODEL.tflite bentoml serve bentoml_app:Classifier --port PORT
"""

import os

import bentoml
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL.Image import Image


@bentoml.service
class Classifier:
    """Asks a model about uploaded photos."""

    def __init__(self) -> None:
        """Open the model."""
        model = Interpreter(os.environ["IMGREC_MODEL"], num_threads=2)
        self.model = model.get_signature_runner()

    @bentoml.api(batchable=True, max_batch_size=8)
    def classify(self, images: list[Image]) -> list[float]:
        """Return the probability of each photo."""
        small = [image.convert("RGB").resize((150, 150)) for image in images]
        pixels = np.stack([np.asarray(each, np.float32) for each in small])
        (found,) = self.model(pixels=pixels).values()
        return found[:, 0].tolist()
