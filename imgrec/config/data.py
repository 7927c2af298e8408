"""Section `data` of a config: where the images are, and the form they are converted to."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from imgrec.data.cache_config import CacheConfig
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.data.sources import DataLocation
from imgrec.sections.problems import shown_value
from imgrec.sections.section import AS_LIST, Says, word_or

_Side = Annotated[int, Field(ge=1, le=8192)]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


def _not_bool(value: Any) -> Any:
    # Python's True equals 1.
    return shown_value(value) if isinstance(value, bool) else value


class Data(DataLocation):
    """Where the images are, and the size and form that all of them are converted to."""

    elsewhere: ClassVar[dict[str, str]] = {
        "input_shape": "write image_size: [height, width] and channels: 3 or 1",
        "target_size": "is called image_size: [height, width]",
        "color_mode": "write channels: 3 for rgb, or channels: 1 for grayscale",
        "class_mode": "is not needed: see model.output and training.loss",
    }

    image_size: Annotated[
        tuple[_Side, _Side],
        AS_LIST,
        Says("[height, width] in pixels, both from 1 to 8192"),
    ] = Field(description="[height, width] in pixels; every image is resized to it, as `fit` says.")
    channels: Annotated[Literal[1, 3], BeforeValidator(_not_bool)] = Field(
        default=3, description="3: colour. 1: grey."
    )
    fit: Literal["stretch", "crop", "pad"] = Field(
        default="stretch",
        description="How to resize an image whose aspect ratio differs from that of "
        "`image_size`. `stretch`: scale height and width separately, which distorts it. `crop`: "
        "scale it until it covers the size, and keep the center. `pad`: scale it until it fits "
        "inside, and fill the rest with black (0).",
    )
    interpolation: Interpolation = Field(
        default="bilinear", description="The resampling filter used to resize images."
    )
    max_megapixels: PositiveInt = Field(
        default=MAX_MEGAPIXELS,
        description="Larger images are refused, as a small file could fill the memory. A JPEG of "
        "more is decoded at a half, a quarter or an eighth of its size, unless it is progressive.",
    )
    batch_size: PositiveInt = Field(default=32, description="Images per training step.")
    bad_images: Literal["error", "skip"] = Field(
        default="error",
        description="What to do with an image that can't be read: stop with an error, or skip "
        "and count it.",
    )
    cache: Annotated[
        CacheConfig | Literal["none"], word_or("none", CacheConfig, "{limit: 20GB}")
    ] = Field(
        default_factory=CacheConfig,
        description="Where decoded images are kept between epochs and runs. `none`: nowhere; "
        "they are decoded again in each epoch.",
    )
