"""An evaluation as Markdown, for pull requests and summaries of CI jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from imgrec.evaluation.error_analysis import all_or_worst_classes, measured_classes, most_confused
from imgrec.evaluation.results import (
    Assessment,
    ChangedAnswer,
    ClassResult,
    Comparison,
    Evaluation,
    MetricValue,
)
from imgrec.metrics import format_difference, format_value
from imgrec.report.wording import (
    ROBUSTNESS_TITLES,
    class_cells,
    classes_left_out,
    counted_images,
    decision_cells,
    decision_titles,
    describe_finding,
    format_bounds,
    is_informative,
    looks_fact,
    metric_title,
    robustness_cells,
    verdict_line,
)
from imgrec.text import count_of, printable

_NOT_PLAIN = re.compile(r"[^\w .,:;/-]", re.ASCII)


def code(text: str) -> str:
    r"""Return `text` as code, without markup, HTML or mentions of users, safe in a table.

    If it contains backticks, or bars, which end a cell, it becomes an HTML element with special
    characters escaped as numbers.
    """
    text = printable(text)
    if text and text == text.strip() and not {"`", "|"} & set(text):
        return f"`{text}`"
    return f"<code>{_NOT_PLAIN.sub(_number, text)}</code>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> Iterator[str]:
    """Yield the lines of a table, and an empty line.

    Args:
        header: Cells in Markdown, without bars and line breaks.
        rows: The same, one sequence of cells per row.
        align: `l` or `r` for each column.
    """
    yield _row(header)
    yield _row([":--" if side == "l" else "--:" for side in align])
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(found: re.Match[str]) -> str:
    character = found[0]
    return character if not character.isascii() else f"&#{ord(character)};"


_FEW = 10
# A comment on GitHub is limited to 65,536 characters.
_MANY = 100


def markdown(assessment: Assessment) -> str:
    """Return the text: verdict, requirements, metrics, then details."""
    evaluation = assessment.evaluation
    lines = [
        *_head(assessment),
        *_requirements(assessment),
        *_numbers(evaluation),
        *_comparison(assessment.comparison, evaluation),
        *_slices(evaluation),
        *_classes(evaluation),
        *_confused(evaluation),
        *_skipped(evaluation),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(assessment: Assessment) -> Iterator[str]:
    mark = "" if not assessment.verdicts else "✅ " if assessment.passed else "❌ "
    images = counted_images(assessment)
    yield f"## {mark}{verdict_line(assessment)}"
    yield ""
    yield f"{code(assessment.run)} on {images} of {code(assessment.source)}"
    yield ""
    for fact in looks_fact(assessment.test_looks):
        yield ": ".join(fact).capitalize()
        yield ""


def _requirements(assessment: Assessment) -> Iterator[str]:
    if assessment.verdicts:
        rows = (
            ("✅ met" if each.met else "❌ not met", code(each.requirement), code(each.reason))
            for each in assessment.verdicts
        )
        yield from table(("", "Required", "Measured"), rows, "lll")


def _numbers(evaluation: Evaluation) -> Iterator[str]:
    rows = (
        (
            metric_title(name, evaluation.top_k),
            format_value(name, metric.value),
            format_bounds(name, metric),
        )
        for name, metric in evaluation.metrics.items()
        if is_informative(name, evaluation)
    )
    yield from table(("Metric", "Value", "95 % interval"), rows, "lrr")
    for note in evaluation.notes:
        yield f"- {code(note)}"
    if evaluation.notes:
        yield ""


def _comparison(comparison: Comparison | None, evaluation: Evaluation) -> Iterator[str]:
    if comparison is None:
        return
    yield f"### Compared with {code(comparison.baseline)}"
    yield ""
    images = count_of(comparison.images, "image")
    yield f"On the same {images}, at {100 * comparison.confidence:g} %:"
    yield ""
    rows = (
        (
            metric_title(name, evaluation.top_k),
            format_value(name, each.model),
            format_value(name, each.baseline),
            format_difference(name, each.value),
            describe_finding(each),
        )
        for name, each in comparison.differences.items()
        if is_informative(name, evaluation)
    )
    header = ("Metric", "Model", "Baseline", "Difference", "")
    yield from table(header, rows, "lrrrl")
    yield from _flips("now wrong", comparison.broken)
    yield from _flips("now right", comparison.fixed)


def _flips(what: str, flips: Sequence[ChangedAnswer]) -> Iterator[str]:
    if not flips:
        return
    rows = (
        (code(flip.name), code(flip.truth), code(flip.model), code(flip.baseline))
        for flip in flips[:_FEW]
    )
    header = ("Image", "Truth", "Model", "Baseline")
    lines = [*table(header, rows, "llll"), *_rest(len(flips), _FEW)]
    yield from _folded(f"{count_of(len(flips), 'image')} {what}", lines)


def _slices(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.slices:
        return
    worst = evaluation.worst_slice
    by_accuracy = sorted(evaluation.parts, key=lambda each: each.metrics["accuracy"].value)
    yield "### Slices" + (f": {code(worst.name)} is the worst" if worst else "")
    yield ""
    rows = (
        (code(each.name), *_measure(each.metrics["accuracy"]), f"{each.images:,}")
        for each in by_accuracy[:_MANY]
    )
    if by_accuracy:
        yield from table(("Slice", "Accuracy", "95 % interval", "Images"), rows, "lrrr")
        yield from _rest(len(by_accuracy), _MANY)
    yield from _robustness(evaluation)


def _robustness(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.corrupted:
        yield "### Robustness: the accuracy on corrupted images"
        yield ""
        unchanged = ("none", *_measure(evaluation.metrics["accuracy"]), "", "", "")
        rows = ((code(each.name), *robustness_cells(each)) for each in evaluation.corrupted)
        header = ("Corruption", *(title.capitalize() for title in ROBUSTNESS_TITLES))
        yield from table(header, (unchanged, *rows), "lrrrrl")


def _classes(evaluation: Evaluation) -> Iterator[str]:
    count = len(measured_classes(evaluation))
    results = all_or_worst_classes(evaluation, _MANY)
    titles = [each.capitalize() for each in decision_titles(evaluation)]
    header = ("Class", "Precision", "Recall", "F1", "Images", *titles)
    rows = ((*_class(each), *decision_cells(evaluation, each.name)) for each in results)
    lines = [*table(header, rows, "l" + "r" * (len(header) - 1)), *_rest(count, _MANY)]
    if note := classes_left_out(evaluation):
        lines += [note, ""]
    if count > _FEW:
        yield from _folded(f"{count} classes", lines)
    else:
        yield "### Classes"
        yield ""
        yield from lines


def _class(result: ClassResult) -> tuple[str, ...]:
    return code(result.name), *class_cells(result), f"{result.support:,}"


def _confused(evaluation: Evaluation) -> Iterator[str]:
    pairs = most_confused(evaluation, _FEW)
    if (len(evaluation.classes) > 2 or evaluation.multi_label) and pairs:
        rows = ((code(each.truth), code(each.prediction), f"{each.images:,}") for each in pairs)
        lines = table(("Truth", "Predicted", "Images"), rows, "llr")
        yield from _folded("The most confused classes", lines)


def _skipped(evaluation: Evaluation) -> Iterator[str]:
    skipped = evaluation.skipped
    if skipped:
        rows = ((code(name), code(reason)) for name, reason in skipped[:_FEW])
        lines = [*table(("Image", "Reason"), rows, "ll"), *_rest(len(skipped), _FEW)]
        yield from _folded(f"{count_of(len(skipped), 'image')} not used", lines)


def _measure(metric: MetricValue) -> tuple[str, str]:
    return format_value("accuracy", metric.value), format_bounds("accuracy", metric)


def _folded(summary: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    # After the empty line, GitHub and GitLab render the content as Markdown.
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield from lines
    yield "</details>"
    yield ""


def _rest(count: int, shown_ones: int) -> Iterator[str]:
    if count > shown_ones:
        yield f"and {count - shown_ones:,} more"
        yield ""
