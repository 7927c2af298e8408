"""YAML as people write it: short lists and mappings on one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from imgrec.config.yaml import SCALARS

_SHORT = 60


def write(value: Any) -> str:
    """Return `value` (mappings, lists, plain values) as YAML that reads back equal."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or YAML 1.2 would take for something else than a string."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def represent_sequence(
        self,
        tag: str,
        sequence: Iterable[Any],
        flow_style: bool | None = None,  # noqa: FBT001
    ) -> SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = _is_short(node.value)
        return node

    def represent_mapping(
        self,
        tag: str,
        mapping: Any,
        flow_style: bool | None = None,  # noqa: FBT001
    ) -> MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = _is_short([each for pair in node.value for each in pair])
        return node

    def represent_text(self, text: str) -> ScalarNode:
        """Escape what YAML 1.1 and 1.2 take for line breaks, and what nobody sees."""
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
for _tag, (_form, _) in SCALARS.items():
    _Dumper.add_implicit_resolver(_tag, _form, None)


def _is_short(nodes: Sequence[Node]) -> bool:
    scalars = [node.value for node in nodes if isinstance(node, ScalarNode)]
    return len(scalars) == len(nodes) and sum(map(len, scalars)) < _SHORT
