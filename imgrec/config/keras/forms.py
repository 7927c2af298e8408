"""How tutorials write a Keras object: `layers.Dense(512)` in Python, `Dense: 512` in YAML."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from imgrec.sections.brackets import closed

_LONGEST = 1000
"""The length of the longest text, in characters, that is read as Python."""

_MODULES = {
    *("tf", "tensorflow", "keras", "nn", "legacy", "activations", "callbacks", "layers", "losses"),
    *("metrics", "optimizers", "regularizers", "schedules"),
}


def from_python(text: str) -> Any:
    """Return a name or call in Python as the value that a config has for it.

    Text that is not such Python, with literal arguments, is returned as it is. A comma at its end,
    and `model.add` around a layer, are left out.

    Example:
        >>> from_python("layers.Conv2D(32, (3, 3), activation='relu')")
        {'Conv2D': [32, [3, 3], {'activation': 'relu'}]}
        >>> from_python("keras.layers.Flatten")
        'Flatten'
        >>> from_python("model.add(Dense(64)),")
        {'Dense': [64]}
    """
    if len(text) > _LONGEST or "\\" in text:  # Python warns of some escapes
        return text
    try:
        node = _added(ast.parse(text.strip().rstrip(",;"), mode="eval").body)
        return _value(node) if isinstance(node, ast.Name | ast.Attribute | ast.Call) else text
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return text


def from_broken_python(text: str) -> tuple[Any, str]:
    """Return what `text` is if its quotes and brackets are closed, and what is wrong in it.

    The value is `text` if that is not enough, or if nothing is wrong.

    Example:
        >>> from_broken_python("Dense(3, activation='relu'")
        ({'Dense': [3, {'activation': 'relu'}]}, '"(" is not closed')
        >>> from_broken_python("x = Dense(3)(x)")
        ({'Dense': [3]}, 'a layer in the list gets the one above it')
    """
    if len(text) > _LONGEST:
        return text, ""
    if call := _FUNCTIONAL.fullmatch(text.strip()):
        form, wrong = call[1], "a layer in the list gets the one above it"
    else:
        form, wrong = closed(text)
    value = from_python(form)
    return (value, wrong) if wrong and value != form else (text, "")


_FUNCTIONAL = re.compile(r"(?:\w+ ?= ?)?(\w[^=]*?\(.*\))\(\w+\)")


def without_module(name: str) -> str:
    """Return the name of a Keras object without the modules of Keras before it."""
    *modules, last = name.split(".")
    return last if _MODULES.issuperset(modules) else name


def by_name(written: Any, positional: Sequence[str]) -> dict[str, Any]:
    """Return arguments by their names.

    Args:
        written: A mapping; a value, which is the first argument; or a list of the first
            arguments, which mappings of the others may follow.
        positional: The names of the first arguments.

    Raises:
        ValueError: An argument has no name, or two values; the message has the reason.

    Example:
        >>> by_name([32, 3, {"strides": 2}], ["filters", "kernel_size"])
        {'filters': 32, 'kernel_size': 3, 'strides': 2}
    """
    if written is None or isinstance(written, dict):
        return written or {}
    values = written if isinstance(written, list) else [written]
    count = next((index for index, each in enumerate(values) if _is_named(each)), len(values))
    named = values[count:]
    if count > len(positional) or not all(map(_is_named, named)):
        raise ValueError(f"only {' and '.join(positional)} can be written without a name")
    arguments = dict(zip(positional, values[:count], strict=False))
    for name, value in (pair for each in named for pair in each.items()):
        if name in arguments:
            raise ValueError(f"{name} is given twice")
        arguments[name] = value
    return arguments


def without_input_shape(config: Any) -> Any:
    """Return a config, as read from YAML, without an `input_shape` that says what `data` says.

    Tutorials give it to the first layer.
    """
    try:
        height, width = config["data"]["image_size"]
        shape = [height, width, config["data"].get("channels", 3)]
        first, *others = config["model"]["layers"]
        ((name, written),) = (from_python(first) if isinstance(first, str) else first).items()
    except (TypeError, KeyError, ValueError, AttributeError):
        return config
    parts = written if isinstance(written, list) else [written]
    kept = [
        {key: value for key, value in part.items() if (key, value) != ("input_shape", shape)}
        if isinstance(part, dict)
        else part
        for part in parts
    ]
    if kept == parts:
        return config
    layer = {name: kept if isinstance(written, list) else kept[0]}
    return {**config, "model": {**config["model"], "layers": [layer, *others]}}


def _is_named(value: Any) -> bool:
    """Return whether `value` is arguments with names, and not an object such as a schedule."""
    return isinstance(value, dict) and not any(str(key)[:1].isupper() for key in value)


def _added(node: ast.expr) -> ast.expr:
    """Return the layer that `model.add(layer)` adds; another expression as it is."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(), attr="add"), args=[layer], keywords=[]):
            return layer
    return node


def _value(node: ast.expr) -> Any:
    """Return the value of an expression; raises ValueError if that would take running code."""
    if isinstance(node, ast.Name | ast.Attribute):
        return without_module(ast.unparse(node))
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return ast.unparse(node)  # a fraction such as 1./255
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    values = [_value(each) for each in node.args]
    named = {str(each.arg): _value(each.value) for each in node.keywords}
    return {_value(node.func): [*values, named] if values and named else values or named}
