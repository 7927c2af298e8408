"""Options that several commands share, and the error if some photos could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from imgrec.cli.console import Console
from imgrec.errors import DataError, UsageError
from imgrec.interface import command_options, offers, option
from imgrec.stderr import keep_native_stderr_out
from imgrec.text import count_of, did_you_mean, either, listed, printable

if TYPE_CHECKING:
    from imgrec.corruption import Corruption, CorruptionKind
    from imgrec.slicing import SliceBy
    from imgrec.workflows.prediction import FailureSummary

Function = TypeVar("Function", bound=Callable[..., Any])


def _show_tracebacks(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    console = context.find_object(Console)
    if value and console is not None:
        console.traceback = True


_TRACEBACK = click.Option(
    ["--traceback"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_tracebacks,
    help="Show the Python traceback if an error occurs.",
)


class Command(click.Command):
    """A command that also takes `--traceback`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, `--help` and `--traceback`."""
        return [*super().get_params(ctx), _TRACEBACK]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; messages name the options of this command.

        An option with one value that is given twice is refused; Click would use the last one.
        """
        try:
            with self._named(ctx), _naming_settings(args):
                if not ctx.resilient_parsing:
                    self._refuse_repeated(ctx, args)
                return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = [name for each in self.get_params(ctx) for name in each.opts]
            meant = did_you_mean(error.option_name, known)
            message = f"there is no option {printable(error.option_name)}{meant}"
            raise click.UsageError(message, ctx) from error
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # Click's parser leaves it out if a value is missing
            raise

    def _refuse_repeated(self, ctx: click.Context, args: list[str]) -> None:
        _, _, found = self.make_parser(ctx).parse_args(list(args))
        for each in found:
            single = isinstance(each, click.Option) and not (each.multiple or each.is_flag)
            if single and found.count(each) > 1:
                raise click.UsageError(f"{each.opts[-1]} is given twice; it takes one value", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; show what C libraries write to stderr only with `--traceback`."""
        console = ctx.find_object(Console)
        shown = console is not None and console.traceback
        with self._named(ctx), nullcontext() if shown else keep_native_stderr_out():
            return super().invoke(ctx)

    def _named(self, ctx: click.Context) -> AbstractContextManager[None]:
        return command_options(name for each in self.get_params(ctx) for name in each.opts)


class Group(Command, click.Group):
    """A group that also takes `--traceback`, like every command in it."""

    command_class = Command
    group_class = type
    invoke = click.Group.invoke  # each of its commands silences native libraries itself

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the source."""
        return list(self.commands)


@contextmanager
def _naming_settings(args: Sequence[str]) -> Iterator[None]:
    """Say which `--set` does it if an unknown option is called like a key of a config."""
    try:
        yield
    except click.NoSuchOption as error:
        from imgrec.config.load import places_of

        if not offers("set"):
            raise
        name = error.option_name
        key = name.lstrip("-").replace("-", "_")
        value = _value_of(name, args)
        forms = [f"{path}={value or 'VALUE'}" for path in places_of(key)]
        if key in ("learning_rate", "lr"):
            forms = [f"training.optimizer={{Adam: {{learning_rate: {value or 0.001}}}}}"]
        if not forms:
            raise
        raise UsageError(
            f"there is no option {printable(name)}",
            hint=f"use {either([option('set', form) for form in forms])}",
        ) from error


def _value_of(name: str, args: Sequence[str]) -> str:
    """Return the value that the arguments give an option; empty if they give none."""
    for each, after in zip(args, [*args[1:], ""], strict=True):
        if each.startswith(f"{name}="):
            return each.partition("=")[2]
        if each == name and not after.startswith("-"):
            return after
    return ""


def command(name: str) -> Callable[[Callable[..., None]], Command]:
    """Return a decorator that makes a function the command `name`."""
    return click.command(name, cls=Command)


def group(name: str) -> Callable[[Callable[..., None]], Group]:
    """Return a decorator that makes a function the group of commands `name`."""
    return click.group(name, cls=Group)


def _default_runs_dir() -> Path:
    from imgrec.runs.folder import default_runs_dir

    return default_runs_dir()


def _device(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from imgrec.models.backend import check_device

    check_device(value)
    return value


def _slices(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[SliceBy, ...]:
    from imgrec.slicing import slice_by

    try:
        return tuple(map(slice_by, words))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _settings(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    refuse_repeated([text.partition("=")[0].strip() for text in texts])
    return texts


def refuse_repeated(names: Sequence[str]) -> None:
    """Raise BadParameter if an option gives one of `names` two values."""
    for name, count in Counter(names).items():
        if count > 1:
            raise click.BadParameter(f"{printable(name)} is given twice; it takes one value")


def _corruptions(
    _context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[Corruption, ...]:
    from imgrec.corruption import corruptions

    try:
        return () if text is None else corruptions(cast("CorruptionKind", parameter.name), text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def pair(text: str, form: str) -> tuple[str, str]:
    """Return the parts of `NAME=VALUE`; raise BadParameter for another form than `form`."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise click.BadParameter(f"{printable(text)}: does not have the form {form}")
    return name, value


def _class_names(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, classes = pair(text, "NAME=CLASS")
        if not all(map(str.strip, classes.split(","))):
            raise UsageError(
                f"{option('map', text)}: a name beside a comma is empty",
                hint="write no space after a comma, or put the value in quotes",
            )
        if name in found:
            raise UsageError(
                f"{option('map', text)}: {printable(name)} is given twice",
                hint=f"use {option('map', f'{name}={found[name]},{classes}')}",
            )
        found[name] = classes
    return found


def class_names(help_text: str) -> Callable[[Function], Function]:
    """Add `--map`: the model's class, or classes, for each other name."""
    return click.option(
        "--map",
        "names",
        multiple=True,
        metavar="NAME=CLASS,...",
        callback=_class_names,
        help=f"{help_text} Can be repeated.",
    )


named_classes = class_names(
    "Show the model's CLASS as NAME, or several classes as one, with the sum of their "
    "probabilities."
)
"""Adds `--map` to a command whose answers are classes."""


def runs_dir(function: Function) -> Function:
    """Add `--runs-dir`: the folder that contains the runs."""
    return click.option(
        "--runs-dir",
        type=click.Path(path_type=Path),
        default=_default_runs_dir,
        help="Folder that contains the runs.  [default: $IMGREC_RUNS, else runs]",
    )(function)


def threshold(function: Function) -> Function:
    """Add `--threshold`: the probability below which the answer is "unknown"."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        help='Probability below which the answer is "unknown", instead of all limits of the run, '
        "also that of the OOD similarity.  [default: the run's]",
    )(function)


def pretrained(function: Function) -> Function:
    """Add `--pretrained`: an ImageNet classifier instead of a run."""
    return click.option(
        "--pretrained",
        metavar="NAME",
        help="Use this ImageNet classifier instead of a run: one of Keras, or EfficientNetLite0.",
    )(function)


def as_json(function: Function) -> Function:
    """Add `--json`: one JSON document on stdout."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
    )(function)


def device(function: Function) -> Function:
    """Add `--device`: auto, cpu, gpu, or gpu:0,1."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|gpu|gpu:0,1",
        callback=_device,
        help="Device to compute on.",
    )(function)


def engine(function: Function) -> Function:
    """Add `--engine` and `--precision`: what computes a run's predictions."""
    named = click.option(
        "--engine",
        type=click.Choice(["auto", "litert", "keras"]),
        default="auto",
        show_default=True,
        help="Compute with the run's LiteRT file, which starts quickly, or with Keras.",
    )
    exact = click.option(
        "--precision",
        type=click.Choice(["float32", "float16", "int8"]),
        default="float32",
        show_default=True,
        help="Which of the run's LiteRT files to use.",
    )
    return named(exact(function))


def overrides(function: Function) -> Function:
    """Add `--set a.b=c`, which can be repeated."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_settings,
        help="Override a config key, e.g. training.epochs=3. Can be repeated.",
    )(function)


def slices(function: Function) -> Function:
    """Add `--slice`: parts of the images to measure."""
    return click.option(
        "--slice",
        "slices",
        multiple=True,
        metavar="BY",
        callback=_slices,
        help="Also measure slices of the images: by size, by colour mode, by a column of the "
        "CSV file, or by a regular expression such as path:(day|night). Can be repeated.",
    )(function)


def corrupting(function: Function) -> Function:
    """Add `--rotate`, `--blur` and the other corruptions of the images to measure."""
    from imgrec.corruption import CORRUPTIONS

    for kind, levels in reversed(CORRUPTIONS.items()):
        function = click.option(
            f"--{kind}",
            metavar=levels.example,
            callback=_corruptions,
            help=f"Also measure the images {levels.what}.",
        )(function)
    return function


def refuse_unusable(
    console: Console, tally: FailureSummary, *, elsewhere: str = "", named: bool = False
) -> None:
    """Raise DataError if there are photos that can't be used; it names the first of them.

    Args:
        console: Its buffered results are printed first.
        tally: The photos that failed.
        elsewhere: Where the other failures are listed; follows their number.
        named: Whether the lines before it name them, so that it does not.
    """
    if not tally.failed:
        return
    console.flush()  # the results of the other photos come first
    lines = [f"{printable(each.name)}: {printable(each.error or '')}" for each in tally.examples]
    if more := tally.failed - len(lines):
        lines.append(f"and {more:,} more{elsewhere}")
    counts = f"{tally.failed:,} of {count_of(tally.photos, 'photo')} can't be used"
    raise DataError(counts if named else listed(counts, lines))
