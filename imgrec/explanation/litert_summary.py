"""The network of a LiteRT file as a table, from the file alone."""

from __future__ import annotations

from imgrec.explanation.stages import SETTINGS, Stage, find_stages
from imgrec.models.litert import constant_integers, read_graph
from imgrec.network_summary import NetworkLayer, NetworkSummary


def summarize_litert(content: bytes, output: int) -> NetworkSummary | None:
    """Return the layers of a LiteRT file; None if they can't be found.

    Those are the operators that make other maps or have weights; others, such as activations,
    belong to the layer before them. The names are those of TensorFlow's operations.

    Args:
        content: What `read_litert` returned.
        output: The number of the output tensor in the main graph.
    """
    graph = read_graph(content)
    wanted = {
        number for each in graph.operators for number in each.inputs[SETTINGS.get(each.name, _NONE)]
    }
    shapes = dict(enumerate(graph.shapes))
    try:
        settings = constant_integers(content, wanted)
        stages = find_stages(graph, output, shapes, settings, gates=True).stages
    except (LookupError, TypeError, ValueError):  # sizes or settings that are not in the file
        return None
    layers = tuple(map(_layer, stages))
    return NetworkSummary(layers, sum(each.weights for each in layers), 0) if layers else None


_NONE = slice(0)


def _layer(stage: Stage) -> NetworkLayer:
    return NetworkLayer(stage.name, stage.kind, stage.shape, stage.weights, stage.multiply_adds)
