"""`imgrec serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.chosen_model import chosen_models
from imgrec.cli.console import Console
from imgrec.errors import RunError

if TYPE_CHECKING:
    from imgrec.runtime.engine import EngineName, LiteRTPrecision


@options.command("serve")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@options.pretrained
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    envvar="AIP_HTTP_PORT",  # Vertex AI's
    help="Port; 0: any.",
)
@click.option(
    "--classifiers",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Teach the classifiers in this folder, which is created if it is missing.",
)
@options.engine
@options.device
@options.runs_dir
@click.pass_obj
def serve(
    console: Console,
    *,
    runs: tuple[str, ...],
    pretrained: str | None,
    host: str,
    port: int,
    classifiers: Path | None,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    runs_dir: Path,
) -> None:
    """Answer photos over HTTP.

    Each RUN is served under its name; requests that name none are answered by the first.
    With --classifiers, RUN can be left out.

    Example: imgrec serve last
    """
    only_classifiers = classifiers is not None and not runs and pretrained is None
    chosen = [] if only_classifiers else chosen_models(console, runs, pretrained, runs_dir)

    from imgrec.runtime.engine import EngineOptions

    try:
        from imgrec.serve.models import ServedModels, open_served
        from imgrec.serve.server import serve as listen
    except ModuleNotFoundError as error:
        raise RunError(
            f"`imgrec serve` needs the module {error.name}", hint="`pip install 'imgrec[serve]'`"
        ) from error

    opened = EngineOptions(engine, precision, device)
    models = [
        open_served(each if isinstance(each, str) else each.name, [each], opened) for each in chosen
    ]
    listen(ServedModels(models), host, port, classifiers)
