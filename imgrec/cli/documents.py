"""The JSON documents of the commands that answer in a few lines, by their `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from imgrec.json_documents import json_schema
from imgrec.models.backend import Machine
from imgrec.network_summary import NetworkSummary
from imgrec.runs.card import BestEpochDocument, Card, ExportParity
from imgrec.runs.notes import Notes
from imgrec.runs.provenance import Provenance
from imgrec.runs.settings import Setting
from imgrec.runs.summary import MetricSummary
from imgrec.runs.tracking import TrackedRuns


class ShippedConfig(Struct, frozen=True):
    """A config that comes with imgrec."""

    name: str
    description: str


class ConfigsDocument(Struct, frozen=True):
    """What `imgrec config list` prints."""

    schema_version: Literal[1]
    configs: tuple[ShippedConfig, ...]


class ConfigDocument(Struct, frozen=True):
    """What `imgrec config show` prints."""

    schema_version: Literal[1]
    name: str
    text: Annotated[str, Meta(description="The YAML of the config.")]


class WrittenDocument(Struct, frozen=True):
    """What `imgrec config copy` prints."""

    schema_version: Literal[1]
    path: Annotated[str, Meta(description="The file that was written.")]


class InitDocument(Struct, frozen=True):
    """What `imgrec init` prints."""

    schema_version: Literal[1]
    path: Annotated[str, Meta(description="The config that was written.")]
    found: Annotated[
        tuple[str, ...], Meta(description="Remarks about the images and the config, a line each.")
    ]


class PlanDocument(Struct, frozen=True):
    """What `imgrec train --dry-run` prints."""

    schema_version: Literal[1]
    config: Annotated[str, Meta(description="The YAML of the config, with all defaults.")]
    network: Annotated[NetworkSummary | None, Meta(description="Null if it is not known.")]
    images: Annotated[
        Mapping[str, Mapping[str, int]], Meta(description="Their number by split and class.")
    ]


class RunDocument(Struct, frozen=True):
    """What `imgrec import` and `imgrec runs path` print."""

    schema_version: Literal[1]
    name: Annotated[str, Meta(description="The name of the run.")]
    path: Annotated[str, Meta(description="The folder of the run.")]


class RunDetails(Struct, frozen=True):
    """What `imgrec runs show` prints."""

    schema_version: Literal[1]
    path: Annotated[str, Meta(description="The folder of the run.")]
    run: Annotated[str, Meta(description="The name of the run.")]
    card: Card
    notes: Notes
    provenance: Annotated[
        Provenance | None,
        Meta(description="Null if it is not known, as for an import."),
    ]
    tracking: TrackedRuns


class ListedRun(Struct, frozen=True):
    """A run. If it can't be read, there is an `error`, and nothing but its name and path."""

    name: str
    path: str
    created: Annotated[str | None, Meta(description="ISO 8601 in UTC.")] = None
    complete: Annotated[bool | None, Meta(description="Whether the training is finished.")] = None
    epochs: int | None = None
    best: BestEpochDocument | None = None
    error: Annotated[str | None, Meta(description="Why the run can't be read.")] = None
    kind: Annotated[
        str | None,
        Meta(
            description="trained, solved (an exact head), imported or calibrated; or folds or "
            "seeds, several runs with their mean metrics."
        ),
    ] = None
    split: Annotated[
        str | None, Meta(description="The part of the data that the metrics were measured on.")
    ] = None
    evaluated: Annotated[int | None, Meta(description="How many images that were.")] = None
    metrics: Annotated[
        Mapping[str, MetricSummary], Meta(description="Of the final evaluation, by name.")
    ] = {}
    logs: Annotated[
        Mapping[str, float],
        Meta(description="What the best epoch measured on the validation images."),
    ] = {}
    data: Annotated[
        str | None, Meta(description="Where the training images are, as it was written.")
    ] = None
    images: Annotated[Mapping[str, int], Meta(description="Their number by split.")] = {}
    weights: int | None = None
    multiply_adds: int | None = None
    model_bytes: int | None = None
    seconds: Annotated[float | None, Meta(description="Of the whole training.")] = None
    cpu_seconds: float | None = None
    peak_memory: Annotated[int | None, Meta(description="In bytes.")] = None
    host: str | None = None
    commit: Annotated[str | None, Meta(description="Of the Git repository of the config.")] = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    changes: Annotated[
        Mapping[str, tuple[Setting, Setting]],
        Meta(description="The settings that differ from the run of the same experiment before it."),
    ] = {}
    settings: Annotated[Mapping[str, Setting], Meta(description="Of the config, by key.")] = {}


class RunListDocument(Struct, frozen=True):
    """What `imgrec runs list` prints: the runs, oldest first, then those that can't be read."""

    schema_version: Literal[1]
    runs: tuple[ListedRun, ...]


class PreviewDocument(Struct, frozen=True):
    """What `imgrec data preview` prints."""

    schema_version: Literal[1]
    path: Annotated[str, Meta(description="The picture that was written.")]
    captions: Annotated[
        tuple[str, ...], Meta(description="Those of the pictures on the sheet, in their order.")
    ]


class ExportDocument(Struct, frozen=True):
    """What `imgrec export` prints."""

    schema_version: Literal[1]
    path: Annotated[str, Meta(description="The file or folder that was written.")]
    export_parity: ExportParity


class InfoDocument(Struct, frozen=True):
    """What `imgrec info` prints."""

    schema_version: Literal[1]
    versions: Annotated[
        Mapping[str, str],
        Meta(description="Of imgrec, Python, the packages and the codecs that are installed."),
    ]
    machine: Machine


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON schema of these documents, and that of a pack's manifest, by name."""
    from imgrec.data.tfrecord import Manifest
    from imgrec.runs.repeats_file import Repeats
    from imgrec.workflows.pack import PackDocument
    from imgrec.workflows.sweep import Finished, SweepTable, Winner

    return {
        "commands": json_schema(
            ConfigsDocument,
            ConfigDocument,
            WrittenDocument,
            InitDocument,
            PlanDocument,
            RunDocument,
            RunDetails,
            RunListDocument,
            PreviewDocument,
            PackDocument,
            SweepTable,
            Winner,
            Finished,
            Repeats,
            ExportDocument,
            InfoDocument,
            title="imgrec commands",
            description="What the commands that answer in a few lines print with `--json`: the "
            "document of each is in `$defs`.",
        ),
        "manifest": json_schema(
            Manifest,
            title="imgrec manifest",
            description="What the manifest.json of `imgrec data pack` holds.",
        ),
    }
