"""The runs, or the ImageNet classifier, that a command uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgrec.cli.console import Console
from imgrec.errors import RunError, UsageError
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.runs.folder import Run

_SMALL_CLASSIFIER = "MobileNetV2"
_INSTALLED_CLASSIFIER = "EfficientNetLite0"
_MODEL_OPTION = "a run with --model RUN"


def chosen_models(
    console: Console,
    models: Sequence[str],
    pretrained: str | None,
    runs_dir: Path,
    argument: str = _MODEL_OPTION,
) -> Sequence[Run | str]:
    """Return the runs, or the ImageNet classifier, that the options of a command choose.

    Those of a folder of repeats are several. Without a run, it is a classifier, and the console
    says which.

    Args:
        console: Where it is said.
        models: The values of `--model`.
        pretrained: The value of `--pretrained`.
        runs_dir: The value of `--runs-dir`.
        argument: What names a run, for an error.

    Raises:
        RunError: There is no such run, or none to choose.
        UsageError: Both options are given.
    """
    from imgrec.runs.repeats import find_members

    return _chosen(console, models, pretrained, runs_dir, find_members, argument)


def chosen_model(
    console: Console, model: str | None, pretrained: str | None, runs_dir: Path
) -> Run | str:
    """Return the only run, or the ImageNet classifier, that the options of a command choose.

    As `chosen_models`; a folder of repeats raises RunError.
    """
    from imgrec.runs.folder import find

    models = [] if model is None else [model]

    def find_one(reference: str | None, place: Path) -> Sequence[Run]:
        return (find(reference, place),)

    (chosen,) = _chosen(console, models, pretrained, runs_dir, find_one, _MODEL_OPTION)
    return chosen


def _chosen(
    console: Console,
    models: Sequence[str],
    pretrained: str | None,
    runs_dir: Path,
    find: Callable[[str | None, Path], Sequence[Run]],
    argument: str,
) -> Sequence[Run | str]:
    from imgrec.runs.folder import find_all_repeats, find_runs

    if pretrained is not None:
        if models:
            raise UsageError("--model and --pretrained can't be combined")
        return [pretrained]
    if models:
        return [run for model in models for run in find(model, runs_dir)]
    try:
        return find(None, runs_dir)
    except RunError:
        # Whoever has begun a run expects its answers.
        if any(find_runs(runs_dir)) or find_all_repeats(runs_dir):
            raise
    return [_classifier(console, runs_dir, argument)]


def _classifier(console: Console, runs_dir: Path, argument: str) -> str:
    """Return the ImageNet classifier that is used if there is no run, and say so."""
    from imgrec.models.packaged_weights import is_installed
    from imgrec.runs.folder import default_runs_dir

    place = printable(f"{runs_dir}/")
    said = f"no run in {place} yet: using {{}}, trained on ImageNet"
    # A script that names a runs folder expects a run there.
    suits = console.interactive or runs_dir == default_runs_dir()
    if suits and is_installed(_INSTALLED_CLASSIFIER):
        console.say(said.format(_INSTALLED_CLASSIFIER))
        return _INSTALLED_CLASSIFIER
    if not console.interactive:
        raise RunError(
            f"there is no complete run in {printable(str(runs_dir))}",
            hint=f"give {argument}, or an ImageNet classifier with --pretrained "
            f"{_INSTALLED_CLASSIFIER}",
        )
    console.say(f"{said.format(_SMALL_CLASSIFIER)} (14 MB, downloaded once)")
    return _SMALL_CLASSIFIER
