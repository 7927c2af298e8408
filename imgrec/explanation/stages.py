"""A LiteRT graph as the layers that a picture goes through."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from msgspec import structs

from imgrec.explanation.receptive_field import ReceptiveField, joined
from imgrec.models.litert import Graph, Operator, Window

Kind = Literal[
    "convolution",
    "depthwise convolution",
    "max pooling",
    "average pooling",
    "global pooling",
    "flatten",
    "dense",
    "sum",
    "concatenation",
]
Shape = tuple[int, ...]
Sides = tuple[int, int]

_KINDS: Mapping[str, Kind] = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise convolution",
    "MAX_POOL_2D": "max pooling",
    "AVERAGE_POOL_2D": "average pooling",
    "FULLY_CONNECTED": "dense",
    "BATCH_MATMUL": "dense",
}
_GLOBAL = ("MEAN", "SUM", "REDUCE_MAX")
_JOINS: Mapping[str, Kind] = {"ADD": "sum", "CONCATENATION": "concatenation"}
_PADS = ("PAD", "PADV2")
# Before and after a convolution with dilation.
_DILATES, _GATHERS = "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"
SETTINGS = {**dict.fromkeys(_PADS, slice(1, 2)), _DILATES: slice(1, 3)}
"""Which inputs of an operator are integers that `find_stages` needs: paddings and blocks."""

_ACTIVATIONS = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
# What TensorFlow adds to a name that was taken.
_NUMBERED = re.compile(r"_\d+$")
# The last part of the names that TensorFlow gives to the operations of layers.
_OPERATIONS = ("convolution", "depthwise", "Conv2D", "MatMul")
_MAP = 4  # axes: batch, rows, columns, channels


@dataclass(frozen=True)
class Stage:
    """A layer, together with what follows it and keeps its shape, such as an activation.

    Args:
        name: The layer's.
        kind: What it does.
        entering: The number of the tensor that it takes.
        output: The number of the tensor that it gives.
        before: The shape of what it takes, without the batch.
        shape: The shape of what it gives, without the batch.
        parents: The positions of the stages whose outputs it takes.
        window: What it moves over a map, if it does.
        kernel: The number of the tensor with its weights; None without any.
        weights: How many weights it has, those of its bias among them.
        reach: The part of the picture that each number of its map depends on; None for all of it.
        relu: Whether negative numbers become 0.
        relu6: Whether numbers above 6 become 6, too.
    """

    name: str
    kind: Kind
    entering: int
    output: int
    before: Shape
    shape: Shape
    parents: tuple[int, ...]
    window: Window | None = None
    kernel: int | None = None
    weights: int = 0
    reach: ReceptiveField | None = None
    relu: bool = False
    relu6: bool = False

    @property
    def is_map(self) -> bool:
        """Whether it gives maps, of more than one place."""
        return len(self.shape) == _MAP - 1 and math.prod(self.shape[:2]) > 1

    @property
    def units(self) -> int:
        """The number of maps, or of numbers."""
        return self.shape[-1]

    @property
    def multiply_adds(self) -> int:
        """How often it multiplies a number by a weight for one picture."""
        if self.window is None or self.kernel is None:
            return self.weights
        channels = 1 if self.kind == "depthwise convolution" else self.before[-1]
        return math.prod(self.shape) * math.prod(self.window.size) * channels


@dataclass(frozen=True)
class Stages:
    """The layers of a network from the picture to the probabilities, in the order of computation.

    Args:
        stages: The layers.
        picture: The number of the tensor that enters the first: the picture, preprocessed.
        logits: The number of the tensor from which the probabilities are computed; None if the
            output is not the softmax or sigmoid of something.
        activation: `softmax` or `sigmoid`; None without `logits`.
    """

    stages: tuple[Stage, ...]
    picture: int
    logits: int | None
    activation: str | None


def find_stages(
    graph: Graph,
    output: int,
    shapes: Mapping[int, Shape],
    settings: Mapping[int, Any],
    *,
    gates: bool = False,
) -> Stages:
    """Return the layers on the way from the picture to the probabilities.

    Args:
        graph: The graph.
        output: The number of its output tensor.
        shapes: Of each tensor, for a batch of one.
        settings: The values of the tensors that SETTINGS selects, as lists.
        gates: Whether side branches that only weigh maps (squeeze-excitation) are among them.
    """
    operators = tuple(_needed(graph, output))
    last = next(
        (
            each
            for each in reversed(operators)
            if each.name in _ACTIVATIONS and len(shapes[each.outputs[0]]) < _MAP
        ),
        None,
    )
    if last is not None:
        operators = tuple(_needed(graph, last.inputs[0]))
    walk = _Walk(graph, shapes, settings)
    for each in operators:
        walk.take(each)
    return Stages(
        walk.found(gates=gates),
        walk.picture,
        last.inputs[0] if last else None,
        _ACTIVATIONS[last.name] if last else None,
    )


def layer_name(tensor: str) -> str:
    """Return the name of the layer that computes a tensor, from the tensor's name.

    Keras 3 exports `model_1/layer_1/Relu;model_1/layer_1/convolution`, and `layer_1_2` for a layer
    `layer_1` beside a `layer`; Keras 2 the same without the last number. A name of another form is
    returned as it is.

    Example:
        >>> layer_name("imgrec_1/vgg16_1/block1_conv1_1/Relu;imgrec_1/vgg16_1/...")
        'block1_conv1'
        >>> layer_name("imgrec_1/conv2d_1_2/convolution"), layer_name("model/conv2d/Relu")
        ('conv2d_1', 'conv2d')
        >>> layer_name("serving_default:0")
        'serving_default:0'
    """
    paths = [each.split("/") for each in tensor.split(";") if each]
    path = next((each for each in paths if each[-1].startswith(_OPERATIONS)), [*paths, [tensor]][0])
    if not path[0].endswith("_1"):
        return path[max(0, len(path) - 2)]
    numbered = [each for each in path[1:-1] if _NUMBERED.search(each)]
    return _NUMBERED.sub("", (numbered or path)[-1])


def _needed(graph: Graph, output: int) -> list[Operator]:
    """Return the operators that a tensor is computed by, in order."""
    wanted, found = {output}, []
    for each in reversed(graph.operators):
        if wanted & {*each.outputs}:
            wanted |= {*each.inputs}
            found.append(each)
    return found[::-1]


@dataclass
class _Walk:
    """The stages that were found so far.

    owners: the position of the stage that each tensor that depends on the picture is of; -1 for
    the preprocessing. fields: by tensor; none where a number depends on all of the picture.
    dilated: of a tensor whose places are distributed for a dilation, the one before that, and the
    dilation.
    """

    graph: Graph
    shapes: Mapping[int, Shape]
    settings: Mapping[int, Any]
    stages: list[Stage] = field(default_factory=list)
    owners: dict[int, int] = field(default_factory=dict)
    fields: dict[int, ReceptiveField] = field(default_factory=dict)
    gates: set[int] = field(default_factory=set)
    dilated: dict[int, tuple[int, Sides]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (start,) = self.graph.inputs
        self.owners[start], self.picture = -1, start
        self.fields[start] = ReceptiveField()

    def take(self, operator: Operator) -> None:
        """Add the stage that an operator begins, or make it a part of an earlier one."""
        live = [each for each in operator.inputs if each in self.owners]
        if not live or operator.name == "SHAPE":
            return
        main, output = max(live, key=self._places), operator.outputs[0]
        reach = self._field(operator, live, main)
        if reach is not None:
            self.fields |= dict.fromkeys(operator.outputs, reach)
        kind = self._kind(operator, live, main)
        if operator.name == _DILATES:
            block = self.settings[operator.inputs[1]]
            self.dilated[output] = main, (block[0], block[-1])
        if kind is not None:
            self._begin(kind, operator, live, main, reach)
        elif operator.name == _GATHERS and self.owners[main] >= 0:
            stage = self.stages[self.owners[main]]
            shape = self.shapes[output][1:]
            self.stages[self.owners[main]] = replace(stage, output=output, shape=shape)
        else:
            self._continue(operator, live, main)
        self.owners |= dict.fromkeys(
            operator.outputs, len(self.stages) - 1 if kind else self.owners[main]
        )

    def found(self, *, gates: bool) -> tuple[Stage, ...]:
        """Return the stages, with the side branches that only weigh maps or without them."""
        hidden: set[int] = set()
        waiting = [] if gates else list(self.gates)
        while waiting:
            number = waiting.pop()
            if number >= 0 and number not in hidden and not self.stages[number].is_map:
                hidden.add(number)
                waiting += self.stages[number].parents
        kept = [number for number in range(len(self.stages)) if number not in hidden]
        places = {number: place for place, number in enumerate(kept)}
        taken: dict[str, int] = {}
        found = []
        for number in kept:
            stage = self.stages[number]
            taken[stage.name] = count = taken.get(stage.name, 0) + 1
            parents = tuple(places[each] for each in stage.parents if each in places)
            name = stage.name if count == 1 else f"{stage.name}:{count}"
            found.append(replace(stage, name=name, parents=parents))
        return tuple(found)

    def _begin(
        self,
        kind: Kind,
        operator: Operator,
        live: Sequence[int],
        main: int,
        reach: ReceptiveField | None,
    ) -> None:
        if not self.stages:
            self.picture = main
        entering, _ = self.dilated.get(main, (main, None))
        constants = [each for each in operator.inputs if each not in self.owners]
        weighted = kind in ("convolution", "depthwise convolution", "dense")
        output = operator.outputs[0]
        self.stages.append(
            Stage(
                layer_name(self.graph.names[output]),
                kind,
                entering,
                output,
                self.shapes[entering][1:],
                self.shapes[output][1:],
                tuple(dict.fromkeys(self.owners[each] for each in live)),
                operator.window,
                constants[0] if weighted and constants else None,
                sum(math.prod(self.shapes[each]) for each in constants) if weighted else 0,
                reach,
                operator.relu,
                operator.relu6,
            )
        )

    def _continue(self, operator: Operator, live: Sequence[int], main: int) -> None:
        owner, output = self.owners[main], operator.outputs[0]
        self.gates |= {
            self.owners[each]
            for each in live
            if self.owners[each] != owner and self._places(each) < self._places(main)
        }
        if owner >= 0 and self.shapes[output] == self.shapes[self.stages[owner].output]:
            relu = self.stages[owner].relu or operator.relu
            relu6 = self.stages[owner].relu6 or operator.relu6
            self.stages[owner] = replace(self.stages[owner], output=output, relu=relu, relu6=relu6)

    def _kind(self, operator: Operator, live: Sequence[int], main: int) -> Kind | None:
        """Return what an operator that begins a stage does, else None."""
        before, after = self.shapes[main], self.shapes[operator.outputs[0]]
        maps = len(before) == _MAP and math.prod(before[1:3]) > 1
        if operator.name in _JOINS:
            same = {self.owners[each] for each in live if self._places(each) == self._places(main)}
            return _JOINS[operator.name] if maps and len(same) > 1 else None
        shrinks = maps and self._extent(after) == 1
        if operator.name in _GLOBAL or (operator.name == "AVERAGE_POOL_2D" and shrinks):
            return "global pooling" if shrinks else None
        if operator.name == "RESHAPE":
            return "flatten" if maps and len(after) == len(("batch", "numbers")) else None
        return _KINDS.get(operator.name)

    def _field(self, operator: Operator, live: Sequence[int], main: int) -> ReceptiveField | None:
        """Return the receptive field of an operator's output; None for all of the picture."""
        before, after = self.shapes[main], self.shapes[operator.outputs[0]]
        parts = [each for each in live if self._places(each) == self._places(main)]
        if any(each not in self.fields for each in parts) or len(before) < 3 or len(after) < 3:
            return None
        known = joined(self.fields[each] for each in parts)
        if (window := operator.window) is not None:
            _, dilation = self.dilated.get(main, (main, window.dilation))
            (rows, columns), (new_rows, new_columns) = before[1:3], after[1:3]
            window = structs.replace(window, dilation=dilation)
            return known.through(window, (rows, columns), (new_rows, new_columns))
        if operator.name in _PADS:
            _, (above, _), (left, _), *_ = self.settings[operator.inputs[1]]
            return known.padded(above, left)
        if operator.name == _DILATES:
            padding = self.settings[operator.inputs[2]]
            return known.padded(padding[0][0], padding[-1][0])
        return known if operator.name == _GATHERS or before[1:3] == after[1:3] else None

    def _places(self, tensor: int) -> int:
        return self._extent(self.shapes[tensor])

    def _extent(self, shape: Shape) -> int:
        """Return the number of places of a map, 1 for a vector."""
        return math.prod(shape[1:3]) if len(shape) >= _MAP - 1 else 1


def chosen_for_view(stages: Sequence[Stage], most: int, always: int | None) -> Iterator[int]:
    """Yield the positions of the stages to show: all, or, of too many maps, the last of each size.

    Args:
        stages: The stages.
        most: The number of maps from which on some are left out.
        always: The position of a stage that is shown in any case, if there is one.
    """
    maps = [number for number, each in enumerate(stages) if each.is_map]
    if len(maps) <= most:
        yield from range(len(stages))
        return
    last = {stages[number].shape[:2]: number for number in maps}
    shown = {maps[0], always, *last.values()}
    yield from (number for number, each in enumerate(stages) if not each.is_map or number in shown)
