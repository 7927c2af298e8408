"""The base of everything a config is made of: strict, frozen, and plain in its complaints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from imgrec.config.problems import in_words, shown, unknown
from imgrec.config.yaml import Path
from imgrec.text import nearest

Finding = tuple[Path, str]


class Section(BaseModel):
    """A mapping in a config. Values are never converted: `"3"` is no number, `1` no truth value."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True
    )

    elsewhere: ClassVar[dict[str, str]] = {}
    """Keys that people try here, with what to do instead."""

    def problems(self) -> Iterator[Finding]:
        """Yield what does not fit together here: a path from this section, and a message."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            section = handler(data)
        except ValidationError as error:
            raise refusal(_findings(cls, error)) from None
        if found := list(section.problems()):
            raise refusal(found)
        return section


class Says:
    """An annotation: a value that does not fit is told as `... is neither <form> nor <form>`."""

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
            neither = "is neither" if len(self.forms) > 1 else "is not"
            raise complaint(f"{shown(value)} {neither} {' nor '.join(self.forms)}") from None


def word_or(word: str, section: type[Section], example: str) -> BeforeValidator:
    """Return the check of a value that is a `section`, or `word` in its place.

    What is wrong in a mapping is told of the section alone; of anything else, `example` is shown.
    """

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return section.model_validate(value)
        if isinstance(value, section) or value == word:
            return value
        raise complaint(f"{shown(value)} is neither {word} nor a mapping such as {example}")

    return BeforeValidator(read)


def complaint(message: str) -> PydanticCustomError:
    """Return the error by which a validator refuses its value with `message`."""
    return PydanticCustomError("problem", "{text}", {"text": message})


def refusal(findings: Sequence[Finding]) -> ValidationError:
    """Return the error that holds all of `findings`."""
    details = [
        InitErrorDetails(type=complaint(text), loc=path, input=None) for path, text in findings
    ]
    return ValidationError.from_exception_data("config", details)


def findings(error: ValidationError) -> list[Finding]:
    """Return what `error` holds: each path with its message in plain words."""
    return [(one["loc"], _message(dict(one))) for one in error.errors(include_url=False)]


def _findings(cls: type[Section], error: ValidationError) -> list[Finding]:
    errors: list[dict[str, Any]] = [dict(one) for one in error.errors(include_url=False)]
    unknown_keys = [one["loc"][-1] for one in errors if one["type"] == "extra_forbidden"]
    meant = {nearest(str(key), _keys(cls)) for key in unknown_keys}
    return [
        (one["loc"], _unknown_key(cls, str(one["loc"][-1])))
        if one["type"] == "extra_forbidden"
        else (one["loc"], _message(one))
        for one in errors
        # A key that was misspelt is not missing too.
        if one["type"] != "missing" or one["loc"][-1] not in meant
    ]


def _keys(cls: type[Section]) -> list[str]:
    """Return the keys as they are written, some of which are words of Python's own."""
    return [field.alias or name for name, field in cls.model_fields.items()]


def _unknown_key(cls: type[Section], key: str) -> str:
    if key.isdecimal():
        return "unknown key; decimals stand after a point (0.001), not after a comma"
    return cls.elsewhere.get(key) or "unknown key" + unknown(key, _keys(cls))


def _message(error: dict[str, Any]) -> str:
    return str(error["ctx"]["text"]) if error["type"] == "problem" else in_words(error)
