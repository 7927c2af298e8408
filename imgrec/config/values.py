"""The kinds of values that arguments take: sizes, fractions, Keras' names of functions."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, Strict

from imgrec.config.section import Says, complaint

# YAML has lists where Python has tuples.
AS_LIST = Strict(strict=False)

Fraction = Annotated[float, Field(ge=0, le=1)]
ProperFraction = Annotated[float, Field(ge=0, lt=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]

Pair = Annotated[tuple[PositiveInt, PositiveInt], AS_LIST]
Size = Annotated[PositiveInt | Pair, Says("a whole number above 0", "two of them")]
Range = Annotated[tuple[float, float], AS_LIST]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
"""What Keras takes for the name of an object."""

_Sides = Annotated[tuple[NonNegativeInt, NonNegativeInt], AS_LIST]
_FourSides = Annotated[tuple[_Sides, _Sides], AS_LIST]
Margin = Annotated[
    NonNegativeInt | _Sides | _FourSides,
    Says("a number of pixels", "[height, width]", "[[top, bottom], [left, right]]"),
]

Padding = Literal["valid", "same"]
Function = Literal[
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh",
    "tanh_shrink",
]  # fmt: skip
Initializer = Literal[
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip


def _from_fraction(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    form = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", value, re.ASCII)
    if form is None or int(form[2]) == 0:
        raise complaint(f"{value[:40]!r} is neither a number nor a fraction such as 1/255")
    return int(form[1]) / int(form[2])


Factor = Annotated[
    float,
    Field(gt=0, json_schema_extra={"type": ["number", "string"], "pattern": r"^\d+ */ *\d+$"}),
    BeforeValidator(_from_fraction),
]
"""A number above 0, also as a fraction of two whole numbers: `1/255`."""

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}

Bytes = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,3})? ?(MB|GB|TB)$"),
    Says("a size such as 500MB or 20GB"),
]
"""An amount of memory or disk: a number of MB, GB or TB, each 1000 of the one before."""


def in_bytes(size: str) -> int:
    """Return how many bytes `size`, a valid Bytes, stands for: `1.5GB` is 1,500,000,000."""
    return round(Decimal(size[:-2].strip()) * _UNITS[size[-2:]])
