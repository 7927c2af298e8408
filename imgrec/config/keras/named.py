"""A Keras object in YAML: `Flatten`, or `{Conv2D: {filters: 32, kernel_size: 3}}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from imgrec.config.keras.forms import by_name, from_broken_python, from_python, without_module
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import Section, field_error, findings, validation_error
from imgrec.sections.yaml import write_on_one_line

PLACEHOLDER = "x-one-of"
"""In pydantic's schemas, the key of a reference to one of our definitions."""


class Named(Section):
    """A Keras object: the class has the name it has in Keras, its fields are the arguments.

    Attributes:
        positional: The first arguments in Keras' order, which can be written without their names.
        renamed: Name of an argument in Keras 2 -> name.
    """

    positional: ClassVar[tuple[str, ...]] = ()
    renamed: ClassVar[dict[str, str]] = {}

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that the user set, required ones first.

        A value is a plain one or a `Named` (a regularizer, a schedule).
        """
        given = (name for name in argument_names(type(self)) if name in self.model_fields_set)
        return {name: getattr(self, name) for name in given}


class OneOf:
    """An annotation for a field whose value is one of several Named.

    Args:
        kind: What they are, for messages.
        table: Name -> class.
        aliases: Other spelling -> name.
        elsewhere: Name that is not supported -> what to do instead, as text or as a function of
            the arguments.
    """

    def __init__(
        self,
        kind: str,
        table: Mapping[str, type[Named]],
        aliases: Mapping[str, str] | None = None,
        elsewhere: Mapping[str, str | Callable[[Any], str]] | None = None,
    ) -> None:
        self.kind = kind
        self.table = table
        self.aliases = aliases or {}
        self.elsewhere = elsewhere or {}

    def parse(self, value: Any) -> Any:
        """Return the Named that `value`, from YAML, stands for."""
        if isinstance(value, Named) and type(value) in self.table.values():
            return value
        if isinstance(value, str):
            value = self._from_text(value)
        if not isinstance(value, dict) or not value:
            raise field_error(
                f"one {self.kind} expected, got {shown_value(value)}; "
                "write its name, or {Name: {...}}"
            )
        if len(value) > 1:
            raise field_error(
                f"one {self.kind} expected, got {', '.join(map(shown_value, value))}; "
                f"write arguments as {_indented(value)}"
            )
        ((name, arguments),) = value.items()
        cls = self._find(name, arguments)
        try:
            arguments = by_name(arguments, cls.positional)
        except ValueError as error:
            problem = _not_arguments(cls, arguments, str(error))
            raise validation_error([((name,), problem)]) from None
        return _validated(name, cls, arguments)

    def _from_text(self, text: str) -> dict[str, Any]:
        value = from_python(text)
        if value == text:
            value, wrong = from_broken_python(text)
            if wrong:
                form = write_on_one_line(value)
                raise field_error(f"{shown_value(text)}: {wrong}; write {form}")
        return {value: None} if isinstance(value, str) else value

    def _find(self, name: object, arguments: Any) -> type[Named]:
        if not isinstance(name, str):
            raise field_error(f"the name of one {self.kind} expected, got {shown_value(name)}")
        known = without_module(name)
        known = self.aliases.get(known, known)
        if known in self.table:
            return self.table[known]
        plain_name = name.partition("(")[0].strip().rpartition(".")[2]
        plain_name = self.aliases.get(plain_name, plain_name)
        if plain_name in self.elsewhere:
            reason = self.elsewhere[plain_name]
            raise field_error(reason if isinstance(reason, str) else reason(arguments))
        if plain_name in self.table:
            form = f"{{{plain_name}: {{argument: value}}}}" if "(" in name else plain_name
            raise field_error(f"write {form} instead of {shown_value(name)}")
        raise field_error(
            f"unknown {self.kind} {shown_value(name)}" + unknown(plain_name, self.table)
        )

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        serialization = core_schema.plain_serializer_function_ser_schema(plain)
        return core_schema.no_info_plain_validator_function(self.parse, serialization=serialization)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {PLACEHOLDER: self.kind}


def argument_names(cls: type[Named]) -> list[str]:
    """Return the names of the arguments of `cls`, required ones first."""
    fields = cls.model_fields
    return sorted(fields, key=lambda name: not fields[name].is_required())


def table(*classes: type[Named]) -> dict[str, type[Named]]:
    """Return name -> class."""
    return {cls.__name__: cls for cls in classes}


def snake_case(names: Iterable[str]) -> dict[str, str]:
    """Return Keras' lower-case spelling -> name: `binary_crossentropy` -> `BinaryCrossentropy`."""
    return {_snake(name): name for name in names}


def plain(value: Any) -> Any:
    """Return a part of a config as plain YAML values, without keys that are null by default."""
    if isinstance(value, Named):
        arguments = {name: plain(each) for name, each in value.arguments().items()}
        return {type(value).__name__: arguments} if arguments else type(value).__name__
    if isinstance(value, BaseModel):
        return _plain_section(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def _plain_section(section: BaseModel) -> dict[str, Any]:
    fields = type(section).model_fields
    values = {name: getattr(section, name) for name in fields}
    return {
        fields[name].alias or name: plain(value)
        for name, value in values.items()
        if value is not None or fields[name].default is not None
    }


def _indented(value: dict[str, Any]) -> str:
    """Return an object whose arguments were written beside its name, with them below it."""
    (name, nothing), *arguments = value.items()
    short = nothing is None and all(isinstance(each, str | float | int) for _, each in arguments)
    return write_on_one_line({name: dict(arguments)}) if short else "{Name: {argument: value}}"


def _not_arguments(cls: type[Named], value: object, reason: str) -> str:
    form = f"{{{cls.__name__}: {{argument: value}}}}"
    if not cls.positional:
        return f"{shown_value(value)} is not a mapping; write {form}"
    return f"{shown_value(value)}: {reason}; write {form}"


def _validated(name: str, cls: type[Named], written: dict[str, Any]) -> Any:
    arguments, renamed = _renamed(cls, written)
    try:
        return getattr(_envelope(name, cls).model_validate({name: arguments}), name)
    except ValidationError as error:
        # A problem has the name that the user wrote.
        raise validation_error(
            [
                ((*path[:1], *(renamed.get(str(key), key) for key in path[1:2]), *path[2:]), text)
                for path, text in findings(error)
            ]
        ) from None


def _renamed(cls: type[Named], written: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the arguments with their names in Keras 3, and the renamed: new name -> old name."""
    names = {old: new for old, new in cls.renamed.items() if old in written and new not in written}
    arguments = {names.get(name, name): value for name, value in written.items()}
    return arguments, {new: old for old, new in names.items()}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@cache
def _envelope(name: str, cls: type[Named]) -> type[BaseModel]:
    # A model around the class adds its name to the paths of problems.
    fields: dict[str, Any] = {name: (cls, ...)}
    return create_model("Envelope", **fields)
