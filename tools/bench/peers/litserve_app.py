"""A service of LitServe, with batches as its documentation has them.

python litserve_app.py MODEL.tflite PORT
"""

import sys

import litserve
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from fastapi import UploadFile
from PIL import Image


class Classifier(litserve.LitAPI):
    """Asks a model about uploaded photos."""

    def setup(self, device: str) -> None:
        """Open the model."""
        self.model = Interpreter(sys.argv[1], num_threads=2).get_signature_runner()

    def decode_request(self, request: UploadFile) -> np.ndarray:
        """Return the pixels of a photo."""
        image = Image.open(request.file).convert("RGB").resize((150, 150))
        return np.asarray(image, np.float32)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probabilities of a batch."""
        (found,) = self.model(pixels=pixels).values()
        return found

    def encode_response(self, output: np.ndarray) -> dict[str, float]:
        """Return the document of an answer."""
        return {"probability": float(output[0])}


if __name__ == "__main__":
    api = Classifier(max_batch_size=8, batch_timeout=0.005, api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(port=int(sys.argv[2]), log_level="warning", generate_client_file=False)
