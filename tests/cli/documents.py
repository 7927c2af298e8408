"""The document that a command printed, checked."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import Any, TypeVar

from jsonschema import Draft202012Validator

from imgrec.json_documents import from_builtins, json_text
from tests.conftest import PROJECT

Value = TypeVar("Value")


def printed(kind: type[Value], process: subprocess.CompletedProcess[str]) -> Value:
    """Return what a command printed as a `kind`, which docs/commands.schema.json describes."""
    assert process.returncode == 0, process.stderr
    document: Any = json.loads(process.stdout)
    of_kind = {"$ref": f"#/$defs/{kind.__name__}", "$defs": _schema()["$defs"]}
    Draft202012Validator(of_kind).validate(document)
    value = from_builtins(kind, document)
    assert json_text(value) == process.stdout
    return value


@cache
def _schema() -> Any:
    schema = json.loads((PROJECT / "docs/commands.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return schema
