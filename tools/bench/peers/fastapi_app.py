"""A service as the tutorials of FastAPI and Keras have it.

python fastapi_app.py MODEL.keras PORT
"""

import io
import sys

import fastapi
import keras
import numpy as np
import uvicorn
from PIL import Image

model = keras.models.load_model(sys.argv[1], compile=False)
app = fastapi.FastAPI()


@app.post("/classify")
async def classify(request: fastapi.Request) -> dict[str, float]:
    """Classify the photo that is the body."""
    image = Image.open(io.BytesIO(await request.body())).convert("RGB").resize((150, 150))
    found = model.predict(np.asarray(image)[None], verbose=0)
    return {"probability": float(found[0, 0])}


uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
