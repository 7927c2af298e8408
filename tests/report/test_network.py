"""A network as a table and as a drawing."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from msgspec.structs import replace

from imgrec.network_summary import NetworkLayer, NetworkSummary
from imgrec.report.network import fitted, network_note, network_rows
from imgrec.report.network_drawing import network_svg
from tests.report.everything import BACKGROUND


def _texts(summary: NetworkSummary) -> list[str]:
    drawing = ET.fromstring(network_svg(summary))  # noqa: S314
    return [each.text or "" for each in drawing.iter() if each.tag == "text"]


def test_the_drawing_is_well_formed_xml() -> None:
    """Each group has its kinds and its shape, with every name escaped."""
    assert BACKGROUND.network is not None
    assert _texts(BACKGROUND.network) == [
        "InputLayer",
        "8 x 8 x 1",
        "Conv2D",
        "6 x 6 x 4, 40 weights",
        "A & <B>",
        "144",
        "Dense",
        "2, 290 weights",
    ]


def test_what_has_weights_is_coloured() -> None:
    """Boxes without weights have another class."""
    assert BACKGROUND.network is not None
    drawing = ET.fromstring(network_svg(BACKGROUND.network))  # noqa: S314
    assert [each.get("class") for each in drawing.iter("g")] == [
        "plain",
        "weighted",
        "plain",
        "weighted",
    ]


def test_a_deep_network_is_put_together() -> None:
    """Layers of one shape share a box, and a row if there are many."""
    unit = (
        NetworkLayer("conv", "Conv2D", (8, 8, 4), 10, 640),
        NetworkLayer("norm", "BatchNormalization", (8, 8, 4), 16, 0),
    )
    last = NetworkLayer("end", "Conv2D", (None, None, 4), 10, None)
    deep = NetworkSummary((*unit * 30, last), 790, 790)
    assert [each.replace("\N{NO-BREAK SPACE}", " ") for each in _texts(deep)][:3] == [
        "Conv2D x 30,",
        "BatchNormalization x 30",
        "8 x 8 x 4, 780 weights",
    ]
    assert [each.cells for each in network_rows(deep)] == [
        ("conv … norm", "Conv2D x 30, BatchNormalization x 30", "8 x 8 x 4", "780", "19,200"),
        ("end", "Conv2D", "? x ? x 4", "10", "unknown"),
        ("all", "", "", "790", "unknown"),
    ]
    assert network_note(deep).endswith("consecutive ones of 61 layers share a row")
    rows = [each.cells for each in network_rows(deep)]
    assert fitted(rows, 200) == rows
    assert fitted(rows, 70)[0] == ("conv … norm", "Conv2D x 30…ation x 30", *rows[0][2:])


def test_stages_of_one_size_of_maps() -> None:
    """If groups of one shape are too many, padding and squeeze-excitation join the maps' group."""
    wide = NetworkLayer("wide", "Conv2D", (8, 8, 96), 10, 640)
    squeezed = NetworkLayer("mean", "GlobalAveragePooling2D", (96,), 0, 0)
    end = replace(squeezed, name="end")
    small = replace(wide, shape=(4, 4, 96))
    deep = NetworkSummary((*(wide, squeezed) * 20, wide, small, small, end), 230, 230)
    texts = [each.replace("\N{NO-BREAK SPACE}", " ") for each in _texts(deep)]
    assert texts == [
        "Conv2D x 21,",
        "GlobalAveragePooling2D x 20",
        "8 x 8 x 96, 210 weights",
        "Conv2D x 2",
        "4 x 4 x 96, 20 weights",
        "GlobalAveragePooling2D",
        "96",
    ]
