"""Generate the reference pages of docs/ from the code; `--check` only compares.

python tools/docs.py           writes what has changed
python tools/docs.py --check   exit status 1 if a page is stale
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from imgrec.cli import documents
from imgrec.cli.main import cli
from imgrec.config.reference import reference, schema
from imgrec.metrics import METRICS, Metric
from imgrec.report.documents import schemas
from imgrec.serve.config import schema as serve_schema

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 80
METRICS_HEAD = """# Metrics

The names are those of `--require`, of `evaluation.require` and of `metrics` in JSON. A proportion,
0 to 1, is shown in percent; scores and losses are decimals, from 0 to 1 unless the table says
otherwise. Intervals are 95 % confidence intervals, see [design.md](design.md#metrics). A metric of
images with one label is absent if images may have multiple labels, and the reverse. `coverage` and
`selective_accuracy` are metrics of models with `evaluation.selective_prediction`.
"""


def pages() -> dict[str, str]:
    """Return the generated pages: file name below docs/ -> text."""
    return {
        "cli.md": command_line(),
        "config.md": reference().rstrip() + "\n",
        "metrics.md": metrics(),
        "config.schema.json": _json(schema()),
        "serve.schema.json": _json(serve_schema()),
        **{
            f"{name}.schema.json": _json(each)
            for name, each in {**documents.schemas(), **schemas()}.items()
        },
    }


def command_line() -> str:
    """Return the help texts of imgrec and all its commands as one Markdown page."""
    sections = [
        f"## {context.command_path}\n\n```text\n{context.get_help().rstrip()}\n```\n"
        for context in contexts(click.Context(cli, info_name="imgrec", terminal_width=WIDTH))
    ]
    return "\n".join(["# Command line reference\n\nThe `--help` of every command.\n", *sections])


def metrics() -> str:
    """Return the table of metrics as a Markdown page."""
    columns = ("name", "title", "measures", "unit", "better", "labels", "measured of", "interval")
    rows = [columns, ("---",) * len(columns), *map(_metric_row, METRICS.values())]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([METRICS_HEAD, *lines, ""])


def _metric_row(metric: Metric) -> tuple[str, ...]:
    low, high = metric.limits
    unit: str = metric.unit
    if (low, high) != (0, 1):
        unit += f", from {low:g}" + (f" to {high:g}" if high < math.inf else "")
    return (
        f"`{metric.name}`",
        metric.title.format(k="k"),
        metric.description,
        unit,
        "lower" if metric.lower_is_better else "higher",
        {"both": "any", "single": "one", "multi": "multiple"}[metric.labels],
        ", ".join({"whole": "all images"}.get(scope, f"a {scope}") for scope in metric.scopes),
        f"{metric.interval}{', up to 10,000 images' if metric.costly else ''}",
    )


def contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield `context` and, depth first, those of its visible subcommands."""
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None and not command.hidden:
                yield from contexts(
                    click.Context(command, parent=context, info_name=name, terminal_width=WIDTH)
                )


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def stale(folder: Path) -> list[Path]:
    """Return the pages below `folder` that are missing or out of date."""
    return [
        folder / name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write or compare the pages; return the exit status."""
    outdated = stale(DOCS)
    if "--check" in arguments:
        for page in outdated:
            print(f"{page} is stale: run `make docs`", file=sys.stderr)
        return 1 if outdated else 0
    for page in outdated:
        page.write_text(pages()[page.name], encoding="utf-8")
        print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
