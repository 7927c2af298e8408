"""The HTML report: a single file that loads nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from imgrec.evaluation.error_analysis import (
    ConfusedPair,
    Mistake,
    all_or_worst_classes,
    measured_classes,
    most_confused,
    worst_mistakes,
)
from imgrec.evaluation.results import Assessment, Evaluation
from imgrec.metrics import format_difference, format_value, is_proportion
from imgrec.network_summary import NetworkSummary
from imgrec.report import charts, templates
from imgrec.report.network import NETWORK_HEADER, NetworkRow, network_note, network_rows
from imgrec.report.network_drawing import network_svg
from imgrec.report.pictures import Thumbnail, data_uri
from imgrec.report.templates import Choice
from imgrec.report.wording import (
    UNKNOWN,
    classes_left_out,
    counted_images,
    decision_cells,
    decision_titles,
    describe_finding,
    format_bounds,
    format_difference_bounds,
    interval,
    is_informative,
    looks_fact,
    metric_title,
    moment,
    robustness_cells,
    verdict_line,
)
from imgrec.scores import Scores
from imgrec.text import count_of

_MISTAKES = 12
_PAIRS = 6
_OF_A_PAIR = 4


@dataclass(frozen=True)
class Remark:
    """A finding of the data check: `count` of `unit`, some of which are named in `examples`."""

    severity: str
    title: str
    count: int
    unit: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class DataCheck:
    """What a data check found, what it looked for, and a line for each thing it did not check."""

    remarks: tuple[Remark, ...]
    looked_for: str
    gaps: tuple[str, ...]


@dataclass(frozen=True)
class ReportContext:
    """What the report shows besides the evaluation; any of it may be missing.

    Attributes:
        history: Name in Keras -> one value per epoch.
        best_epoch: Counted from 1.
        data_check: The check of the training's data; None if there was none.
        config: The text of the config.
        pictures: Name of the image -> thumbnail.
        heat_maps: Mistake -> thumbnail with a heat map of the predicted class.
        confusion: The confusion matrix, if it is drawn for a file as well.
        network: The layers of the network.
        sheet: Whether every image is shown with its answer.
    """

    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    data_check: DataCheck | None = None
    config: str = ""
    pictures: Mapping[str, Thumbnail] = field(default_factory=dict)
    heat_maps: Mapping[Mistake, Thumbnail] = field(default_factory=dict)
    confusion: charts.ThemedChart | None = None
    network: NetworkSummary | None = None
    sheet: bool = False


@dataclass(frozen=True)
class Mistakes:
    """The mistakes to show: those with the highest loss, and some others of each confused pair.

    repeated: the number of confused pairs that have no others.
    """

    worst: tuple[Mistake, ...]
    pairs: tuple[tuple[ConfusedPair, tuple[Mistake, ...]], ...]
    repeated: int

    @property
    def rows(self) -> tuple[int, ...]:
        """The positions of the images in the list that was scored, each once, in order."""
        of_pairs = (mistake for _, mistakes in self.pairs for mistake in mistakes)
        return tuple(sorted({mistake.row for mistake in (*self.worst, *of_pairs)}))


def mistakes(assessment: Assessment) -> Mistakes:
    """Return the mistakes to show: at most 12, and 4 of each of 6 pairs, each only once."""
    scores = assessment.scores
    worst = worst_mistakes(scores, _MISTAKES)
    pairs = most_confused(assessment.evaluation, _PAIRS)
    shown = [(pair, _others(scores, pair, worst)) for pair in pairs]
    left = tuple((pair, others) for pair, others in shown if others)
    return Mistakes(worst, left, len(shown) - len(left))


def _others(scores: Scores, pair: ConfusedPair, seen: Sequence[Mistake]) -> tuple[Mistake, ...]:
    found = worst_mistakes(scores, len(seen) + _OF_A_PAIR, pair)
    return tuple(mistake for mistake in found if mistake not in seen)[:_OF_A_PAIR]


# Browsers can show some thousand rows; a folder may have a million bad files.
_ROWS = 1000
_FLIPS = 50
# With more classes, a matrix is wider than the page, and bars only show the worst ones.
_LARGE = 20

# The numbers of a larger confusion matrix could not be read in half of the page's width.
_IN_A_COLUMN = 6

_NAMES = {
    "decision_cells": decision_cells,
    "decision_titles": decision_titles,
    "title": metric_title,
    "number": format_value,
    "unknown": UNKNOWN,
    "bounds": format_bounds,
    "difference": format_difference,
    "difference_bounds": format_difference_bounds,
    "describe_finding": describe_finding,
    "robustness_cells": robustness_cells,
    "is_proportion": is_proportion,
    "says_something": is_informative,
}


def page(assessment: Assessment, background: ReportContext | None = None) -> str:
    """Return the page; without a context it only has the evaluation."""
    background = background or ReportContext()
    template = templates.template(
        "report.html.j2", count_of=count_of, interval=interval, moment=moment
    )
    return template.render(
        **_NAMES,
        top_k=assessment.evaluation.top_k,
        pictures=background.pictures,
        heat_maps=background.heat_maps,
        assessment=assessment,
        evaluation=assessment.evaluation,
        background=background,
        mistakes=mistakes(assessment),
        headline=verdict_line(assessment),
        images=counted_images(assessment),
        sheet=_sheet(assessment.scores) if background.sheet else None,
        classes=all_or_worst_classes(assessment.evaluation, _ROWS),
        measured=len(measured_classes(assessment.evaluation)),
        left_out=classes_left_out(assessment.evaluation),
        curves=tuple(_curves(background)),
        of_classes=tuple(_of_classes(assessment.evaluation, background.confusion)),
        of_confidence=tuple(_of_confidence(assessment.evaluation)),
        of_corruptions=tuple(_of_corruptions(assessment.evaluation)),
        facts=(*assessment.facts, *looks_fact(assessment.test_looks)),
        network=background.network and _drawn(background.network),
        rows=_ROWS,
        flips=_FLIPS,
    )


@dataclass(frozen=True)
class _Answer:
    """An image on the sheet of all answers; `probability` is None with several labels."""

    name: str
    truth: str
    answer: str
    probability: float | None
    is_right: bool
    is_known: bool


@dataclass(frozen=True)
class _Sheet:
    """Every image with its answer, the wrong ones first."""

    answers: Sequence[_Answer]
    options: Sequence[Choice]


def _sheet(scores: Scores) -> _Sheet:
    several = scores.multi_label
    rows = zip(
        scores.names,
        map(scores.named, scores.positives),
        map(scores.named, scores.answers),
        scores.probabilities.max(axis=1).tolist(),
        scores.right.tolist(),
        scores.known.tolist(),
        strict=True,
    )
    found = [
        _Answer(name, truth, answer, None if several else probability, right, known)
        for name, truth, answer, probability, right, known in rows
    ]
    right = sum(each.is_right for each in found)
    choices = (
        Choice("wrong", "wrong", len(found) - right),
        Choice("right", "right", right),
        Choice("unknown", "unknown", sum(not each.is_known for each in found)),
    )
    return _Sheet(
        sorted(found, key=lambda each: each.is_right),
        [Choice("all", "all", len(found)), *(each for each in choices if each.count)],
    )


@dataclass(frozen=True)
class _Network:
    """The drawing of a network, as SVG, and its table."""

    drawing: str
    header: Sequence[str]
    rows: Sequence[NetworkRow]
    note: str


def _drawn(network: NetworkSummary) -> _Network:
    return _Network(
        network_svg(network), NETWORK_HEADER, network_rows(network), network_note(network)
    )


@dataclass(frozen=True)
class _Plot:
    """A plot for light and for dark mode, as data URIs, and its alternative text."""

    light: str
    dark: str
    text: str
    large: bool = False


def _curves(background: ReportContext) -> Iterator[_Plot]:
    history = background.history
    best = background.best_epoch or charts.lowest_loss_epoch(history)
    for name in charts.plotted_metrics(history):
        of_one = {key: history[key] for key in (name, f"val_{name}") if key in history}
        text = f"{name.replace('_', ' ')} after each epoch, training and validation"
        yield _plot(charts.ThemedChart(charts.curves, of_one, best_epoch=best), text)


def _of_classes(evaluation: Evaluation, confusion: charts.ThemedChart | None) -> Iterator[_Plot]:
    count = len(measured_classes(evaluation))
    large = count > _LARGE
    which = f"the {_LARGE} classes with the lowest F1" if large else "each class"
    text = "Confusion matrix: rows are the truth, columns the prediction"
    if evaluation.multi_label:
        text = f"Confusion of {which}: images that have it, found or missed, and images "
        text += "without it, predicted to have it or not"
    drawn_large = count > _IN_A_COLUMN and not evaluation.multi_label
    confusion = confusion or charts.ThemedChart(charts.confusion, evaluation)
    yield _plot(confusion, text, large=drawn_large)
    bars = charts.ThemedChart(charts.class_bars, evaluation)
    yield _plot(bars, f"Precision and recall of {which}")


def _of_confidence(evaluation: Evaluation) -> Iterator[_Plot]:
    text = "Reliability: how often answers of each probability are right, and how many there are"
    yield _plot(charts.ThemedChart(charts.reliability_plot, evaluation), text)
    if evaluation.coverage_curve is not None:
        text = "Accuracy of the most confident answers, by coverage"
        yield _plot(charts.ThemedChart(charts.coverage_plot, evaluation), text)


def _of_corruptions(evaluation: Evaluation) -> Iterator[_Plot]:
    kinds = (each.corruption.kind for each in evaluation.corrupted if each.corruption)
    for kind in dict.fromkeys(kinds):
        text = f"Accuracy by the level of {kind}; dashed: on the unchanged images"
        yield _plot(charts.ThemedChart(charts.robustness_plot, evaluation, kind), text)


def _plot(chart: charts.ThemedChart, text: str, *, large: bool = False) -> _Plot:
    light, dark = (data_uri(each, "png") for each in (chart.light, chart.dark))
    return _Plot(light, dark, text, large)
