"""Predictions as HTML, for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from imgrec.evaluation.prediction import Prediction, Ranked
from imgrec.report.pictures import Thumbnail
from imgrec.rounding import percent
from imgrec.text import NOTHING, printable

_CELL = "text-align:left;vertical-align:top;padding:4px 12px 4px 0"
_TRACK = "display:inline-block;width:100px"
_BAR = "display:inline-block;height:0.6em;background:#2369b0"


def predictions_html(
    predictions: Sequence[Prediction], thumbnails: Sequence[Thumbnail | None]
) -> str:
    """Return a table of photos with their predictions, or with the reason why there are none.

    Args:
        predictions: One per photo.
        thumbnails: The thumbnail of each photo, or None. All text is escaped.
    """
    rows = map(_row, predictions, thumbnails)
    return f"<table>{''.join(rows)}</table>"


def _row(prediction: Prediction, thumbnail: Thumbnail | None) -> str:
    picture = "" if thumbnail is None else _picture(thumbnail)
    lines = "<br>".join(_lines(prediction))
    return (
        f'<tr><td style="{_CELL}">{picture}</td>'
        f'<td style="{_CELL}"><b>{_escaped(prediction.name)}</b><br>{lines}</td></tr>'
    )


def _picture(thumbnail: Thumbnail) -> str:
    size = f'width="{thumbnail.width}" height="{thumbnail.height}"'
    return f'<img src="{html.escape(thumbnail.uri)}" {size} alt="">'


def _lines(prediction: Prediction) -> Iterator[str]:
    if prediction.error is not None:
        yield f"<i>{_escaped(prediction.error)}</i>"
        return
    if not prediction.known:
        yield "<i>unknown</i>"
    elif prediction.multi_label and not prediction.labels:
        yield f"<i>{NOTHING}</i>"
    for ranked in prediction.top:
        line = _line(ranked)
        answer = prediction.multi_label and ranked.class_name in prediction.labels
        yield f"<b>{line}</b>" if answer else line


def _line(ranked: Ranked) -> str:
    bar = f'<span style="{_BAR};width:{100 * ranked.probability:.0f}px"></span>'
    text = f"{_escaped(ranked.class_name)} {percent(ranked.probability)}"
    return f'<span style="{_TRACK}">{bar}</span> {text}'


def _escaped(text: str) -> str:
    return html.escape(printable(text))
