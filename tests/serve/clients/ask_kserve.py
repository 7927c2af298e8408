"""Ask with KServe's client, in both protocols. Arguments: host, model, photo. Prints JSON."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

host, model, photo = sys.argv[1:]
url = f"http://{host}"
text = base64.b64encode(Path(photo).read_bytes()).decode()


async def version_1() -> list[Any]:
    """Return the answer to `:predict`."""
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_server_live(url)
    assert await client.is_model_ready(url, model)
    found = await client.infer(url, {"instances": [{"image": {"b64": text}}]}, model_name=model)
    labels = await version_2()
    return [[labels[0][0], max(found["predictions"][0])]]


async def version_2() -> list[Any]:
    """Return the answer to `infer`."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(url)
    assert await client.is_server_ready(url)
    assert await client.is_model_ready(url, model)
    image = InferInput("image", [1], "BYTES", [text])
    found = await client.infer(url, InferRequest(model, [image]), model_name=model)
    outputs = {output.name: output for output in found.outputs}
    return [[outputs["label"].data[0], max(outputs["probabilities"].data)]]


print(json.dumps([asyncio.run(version_1()), asyncio.run(version_2())]))
