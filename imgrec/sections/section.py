"""The base class of sections, and types of values: sizes, fractions, Keras' function names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    NonNegativeInt,
    PositiveInt,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from imgrec.sections.problems import SHOWN, error_text, is_tuple, shown_value, tuple_text, unknown
from imgrec.sections.yaml import KeyPath
from imgrec.sections.yaml_errors import BACKSLASH
from imgrec.text import nearest

ConfigFinding = tuple[KeyPath, str]


class Section(BaseModel):
    """A mapping in a config. Values are not converted: `"3"` is not a number, `1` not a boolean."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True
    )

    elsewhere: ClassVar[dict[str, str]] = {}
    """Keys that users may try here, with what to do instead."""

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield what does not fit together: a path relative to this section, and a message."""
        yield from ()

    def resolved(self) -> Self:
        """Return the section with other spellings of a value replaced by the usual one.

        It is called before `problems`.
        """
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            section = handler(data).resolved()
        except ValidationError as error:
            raise validation_error(_findings(cls, error)) from None
        if found := list(section.problems()):
            raise validation_error(found)
        return section


class Says:
    """An annotation: reports a wrong value as `... is neither <form> nor <form>`."""

    def __init__(self, *forms: str) -> None:
        self.forms = forms

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            if is_tuple(value):
                raise field_error(tuple_text(value)) from None
            neither = "is neither" if len(self.forms) > 1 else "is not"
            raise field_error(
                f"{shown_value(value)} {neither} {' nor '.join(self.forms)}"
            ) from None


class OrOneItem:
    """An annotation for a list: a single item can be written without the list."""

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        items = handler(schema)
        return {"anyOf": [items, items["items"]]}

    def _listed(self, value: Any) -> Any:
        return [value] if isinstance(value, str | dict) and not is_tuple(value) else value


def word_or(word: str, section: type[Section], example: str) -> BeforeValidator:
    """Return a validator of a value that is either `word` or a mapping.

    Problems in a mapping are those of `section`; for any other value the error shows `example`.
    """

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return section.model_validate(value)
        if isinstance(value, section) or value == word:
            return value
        raise field_error(f"{shown_value(value)} is neither {word} nor a mapping such as {example}")

    return BeforeValidator(read)


def field_error(message: str) -> PydanticCustomError:
    """Return the error that a validator raises to reject its value with `message`."""
    return PydanticCustomError("problem", "{text}", {"text": message})


def validation_error(findings: Sequence[ConfigFinding]) -> ValidationError:
    """Return an error that contains all of `findings`."""
    details = [
        InitErrorDetails(type=field_error(text), loc=path, input=None) for path, text in findings
    ]
    return ValidationError.from_exception_data("config", details)


def findings(error: ValidationError) -> list[ConfigFinding]:
    """Return the path and message, in plain words, of each problem in `error`."""
    return [(one["loc"], _message(dict(one))) for one in error.errors(include_url=False)]


def _findings(cls: type[Section], error: ValidationError) -> list[ConfigFinding]:
    errors: list[dict[str, Any]] = [dict(one) for one in error.errors(include_url=False)]
    # What a key may have been meant for is looked for as often as it is shown: it takes time.
    unknown_keys = [one["loc"][-1] for one in errors if one["type"] == "extra_forbidden"][:SHOWN]
    meant = {nearest(str(key), _keys(cls)) for key in unknown_keys}
    explained = {key: _unknown_key(cls, str(key)) for key in unknown_keys}
    return [
        (one["loc"], explained.get(one["loc"][-1], "unknown key"))
        if one["type"] == "extra_forbidden"
        else (one["loc"], _message(one))
        for one in errors
        # A misspelt key is not reported as missing as well.
        if one["type"] != "missing" or one["loc"][-1] not in meant
    ]


def _keys(cls: type[Section]) -> list[str]:
    """Return the keys as written in YAML; some are Python keywords."""
    return [field.alias or name for name, field in cls.model_fields.items()]


def _unknown_key(cls: type[Section], key: str) -> str:
    if key.isdecimal():
        return "unknown key; write decimals with a point (0.001), not a comma"
    return cls.elsewhere.get(key) or "unknown key" + unknown(key, _keys(cls))


def _message(error: dict[str, Any]) -> str:
    return str(error["ctx"]["text"]) if error["type"] == "problem" else error_text(error)


# YAML has lists where Python has tuples.
AS_LIST = Strict(strict=False)

Fraction = Annotated[float, Field(ge=0, le=1)]
ProperFraction = Annotated[float, Field(ge=0, lt=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]

Pair = Annotated[tuple[PositiveInt, PositiveInt], AS_LIST]
Size = Annotated[PositiveInt | Pair, Says("a whole number above 0", "two such numbers")]
Range = Annotated[tuple[float, float], AS_LIST]


def _without_escapes(value: str) -> str:
    """Refuse a Windows path whose backslashes YAML has read as escapes."""
    if re.match(r"[A-Za-z]:[^\x00-\x1f]*[\x00-\x1f]", value):
        raise field_error(f"{shown_value(value)}: {BACKSLASH}")
    return value


Text = Annotated[str, Field(min_length=1), AfterValidator(_without_escapes)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
"""What Keras accepts as the name of an object."""

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


_DECIMAL = r"\d{1,9}(?:\.\d{0,9})?"
_FRACTION = rf"^\s*({_DECIMAL})\s*/\s*({_DECIMAL})\s*$"


def _from_fraction(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    form = re.fullmatch(_FRACTION, value, re.ASCII)
    if form is None or float(form[2]) == 0:
        raise field_error(f"{value[:40]!r} is neither a number nor a fraction such as 1/255")
    return float(form[1]) / float(form[2])


Factor = Annotated[
    float,
    Field(gt=0, json_schema_extra={"type": ["number", "string"], "pattern": _FRACTION}),
    BeforeValidator(_from_fraction),
]
"""A number above 0, or a fraction of two numbers: `1/255`, `1./127.5`."""

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}

Bytes = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,3})? ?(MB|GB|TB)$"),
    Says("a size such as 500MB or 20GB"),
]
"""An amount of memory or disk, in MB (10^6 bytes), GB or TB."""


def in_bytes(size: str) -> int:
    """Return the number of bytes of `size`, a valid Bytes.

    Example:
        >>> in_bytes("1.5GB")
        1500000000
    """
    return round(Decimal(size[:-2].strip()) * _UNITS[size[-2:]])
