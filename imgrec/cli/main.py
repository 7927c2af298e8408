"""`imgrec`: the group of commands, and the one place that catches errors.

Exit statuses: 0 success; 1 a requirement was not met; 2 wrong usage or an invalid config; 3 bad
data; 4 a model, run or file that can't be used; 70 a bug; 130 Ctrl-C; 143 SIGTERM.
"""

from __future__ import annotations

import errno
import gc
import importlib
import keyword
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import NamedTuple, NoReturn

import click

import imgrec
from imgrec.cli.console import Console
from imgrec.cli.options import Group
from imgrec.errors import BadImage, ImgrecError, RunError, Terminated, is_exhaustion
from imgrec.text import did_you_mean, printable

NAME = "imgrec"
COMPLETE_VARIABLE = "_IMGREC_COMPLETE"

SHORT_HELP: Mapping[str, str] = {
    "train": "Train a model from a config, or resume a run.",
    "sweep": "Search for better values of a config's keys.",
    "evaluate": "Evaluate a run on labelled images.",
    "predict": "Classify photos.",
    "serve": "Answer photos over HTTP.",
    "token": "Make tokens for `imgrec serve`.",
    "similar": "Find the photos that are most similar to PHOTO.",
    "explain": "Show where the model sees a class, or what each layer computes.",
    "export": "Export a run's best model to LiteRT, ONNX, SavedModel or Keras.",
    "import": "Import a model file as a run.",
    "calibrate": "Calibrate a run on labelled images, as a new run.",
    "teach": "Add photos to a class of the classifier FOLDER, and show how good it is.",
    "forget": "Delete photos of the classifier FOLDER for ever.",
    "check": "Check images for problems before training.",
    "init": "Write a config for a folder of images, or for a data file.",
    "data": "Preview images, or pack them into TFRecord files.",
    "config": "List, show and copy the shipped configs.",
    "runs": "List, show, compare and annotate runs.",
    "info": "Show versions, devices and CPU features.",
}


class LazyGroup(Group):
    """A group that imports a command only when it is used.

    Command `x` is `imgrec.cli.x.x` (`import_` if `x` is a Python keyword). The list of commands in
    the help is static and imports none of them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which the help lists them."""
        return [*SHORT_HELP, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return the command; None if there is no such command."""
        if cmd_name not in SHORT_HELP:
            return super().get_command(ctx, cmd_name)
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"imgrec.cli.{name}")
        command: click.Command = getattr(module, name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begin with; suggest the nearest if there is none."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(_no_command(args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SHORT_HELP.items()))


@click.group(
    NAME,
    cls=LazyGroup,
    epilog='Shell completion for bash: eval "$(_IMGREC_COMPLETE=bash_source imgrec)". '
    "For other shells, use zsh_source or fish_source.",
)
@click.version_option(imgrec.__version__, prog_name=NAME)
def cli() -> None:
    """Train, evaluate and use image classifiers.

    Example: imgrec train small_cnn
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (None: `sys.argv`) and exit with its status."""
    _open_standard_streams()
    # The other threads of BLAS wait busily at the start. The products that take long are held to
    # one thread anyway, which fixes the order of their sums.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    console = Console()
    status = _run(sys.argv[1:] if arguments is None else list(arguments), console)
    for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C ends it silently
        signal.signal(number, signal.SIG_DFL)
    console.close()
    gc.freeze()  # there is nothing to collect at the end, which would take a fifth of `predict`
    sys.exit(status)


def _open_standard_streams() -> None:
    """Give the numbers of closed standard streams away: no file may get what is written to them."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(number, True)  # noqa: FBT003  # it has no name
    os.close(number)


_STDERR = 2
_LARGER = "`ulimit -a` shows the limits of a process; smaller images or batches take less memory"


class _Failure(NamedTuple):
    status: int
    message: str
    hint: str = ""


def _run(arguments: list[str], console: Console) -> int:
    try:
        signal.signal(signal.SIGTERM, _terminate)
        sys.unraisablehook = _signal_again
        status = _answer(arguments, console)
        console.flush()
    except BrokenPipeError:
        return 0
    except click.exceptions.NoArgsIsHelpError as error:
        console.say(error.format_message())
        return 2
    except BaseException as error:  # noqa: BLE001  # the only place that catches everything
        failure = _failure(error)
        console.error(failure.message, failure.hint, error)
        return failure.status
    return status


def _answer(arguments: list[str], console: Console) -> int:
    # Not cli.main(): it turns a broken pipe into exit status 1 and any EOFError into Ctrl-C.
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        from click.shell_completion import shell_complete

        try:
            return 2 if shell_complete(cli, {}, NAME, COMPLETE_VARIABLE, instruction) else 0
        except (KeyError, ValueError):  # without COMP_WORDS, which the shell's function sets
            return 2
    try:
        with cli.make_context(NAME, arguments, obj=console) as context:
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def _failure(error: BaseException) -> _Failure:
    match error:
        case ImgrecError():
            return _Failure(error.exit_status, _message(error), error.hint)
        case Terminated():
            return _Failure(error.exit_status, "ended by SIGTERM")
        case click.ClickException():
            return _Failure(2, re.sub(r"\s*\n\s*", " ", error.format_message()), _usage_hint(error))
        case KeyboardInterrupt() | click.Abort():
            return _Failure(130, "interrupted")
        case OSError():
            return _Failure(RunError.exit_status, _os_message(error), _os_hint(error))
        case _:
            return _unforeseen(error)


def _unforeseen(error: BaseException) -> _Failure:
    if is_exhaustion(error):
        return _Failure(RunError.exit_status, "the system has no more memory or threads", _LARGER)
    name = type(error).__name__
    return _Failure(
        ImgrecError.exit_status,
        f"unexpected {name}: {error}" if str(error) else f"unexpected {name}",
        "this is a bug in imgrec; the same command with --traceback shows where",
    )


def _message(error: ImgrecError) -> str:
    # An unescaped line break in the name would look like a line of imgrec's own.
    return (
        f"{printable(error.name)}: {error.reason}" if isinstance(error, BadImage) else error.message
    )


def _usage_hint(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"`{context.command_path if context else NAME} --help` shows what is allowed"


def _os_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    return f"{printable(where)}: {reason}" if where else reason


def _os_hint(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, or write somewhere else"
    if error.errno == errno.ENAMETOOLONG:
        return "check the path: each name in it has at most 255 bytes, and the whole path 4,096"
    return "the same command with --traceback shows where it happened"


def _no_command(name: str, names: Sequence[str]) -> str:
    meant = did_you_mean(name, names) or f"; commands: {', '.join(names)}"
    return f"there is no command {printable(name)}{meant}"


def _signal_again(lost: sys.UnraisableHookArgs) -> None:
    """Send the signal again if its exception was raised in a destructor, which swallows it."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return

    import threading

    number = signal.SIGTERM if isinstance(lost.exc_value, Terminated) else signal.SIGINT
    threading.Timer(0.05, os.kill, [os.getpid(), number]).start()


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
