"""`imgrec serve`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imgrec.cli import options
from imgrec.cli.chosen_model import chosen_models
from imgrec.cli.console import Console
from imgrec.errors import RunError, UsageError
from imgrec.garbage import without_collections
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.runtime.engine import EngineName, LiteRTPrecision
    from imgrec.serve.models import ModelSource
    from imgrec.serve.server import Settings

_PATHS = ("classifiers", "token_file", "certificate", "key")
_LISTS = ("allowed_hosts", "allowed_origins", "proxies")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@options.command("serve")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@options.pretrained
@click.option(
    "--config", type=_FILE, help="Config of the service, such as serve.yaml; see docs/serve.md."
)
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
@click.option(
    "--token-file",
    type=_FILE,
    help="Answer only requests with a token of this file; `imgrec token add` makes it.",
)
@click.option("--insecure", is_flag=True, help="Let everybody ask who can reach --host.")
@click.option("--certificate", type=_FILE, help="Certificate for TLS, in PEM format.")
@click.option("--key", type=_FILE, help="Private key of the certificate, in PEM format.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Also answer requests to this host name. Can be repeated.  [default: with a loopback "
    "address only localhost, else any]",
)
@click.option(
    "--allow-origin",
    "allowed_origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let web pages of this origin ask, such as https://example.org. Can be repeated.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Believe the X-Forwarded headers of the proxy with this IP address, or in this network. "
    "Can be repeated.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=30,
    show_default=True,
    help="Seconds to answer what is under way after SIGTERM or Ctrl-C.",
)
@click.option("--reload", is_flag=True, help="Open a model again when its run has changed.")
@click.option("--no-access-log", is_flag=True, help="Don't write a line for each request.")
@options.engine
@options.device
@options.runs_dir
@click.pass_obj
@without_collections()  # until it listens; they would take a tenth of the start
def serve(
    console: Console,
    *,
    runs: tuple[str, ...],
    pretrained: str | None,
    config: Path | None,
    host: str,
    port: int,
    classifiers: Path | None,
    token_file: Path | None,
    insecure: bool,
    certificate: Path | None,
    key: Path | None,
    allowed_hosts: tuple[str, ...],
    allowed_origins: tuple[str, ...],
    proxies: tuple[str, ...],
    grace: float,
    reload: bool,
    no_access_log: bool,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    runs_dir: Path,
) -> None:
    """Answer photos over HTTP.

    Each RUN (a folder, the name of a run, or last, the default) is a model that is served under
    its name; NAME=RUN gives it another one, and NAME=RUN,RUN is an ensemble, as is a folder of
    folds or seeds. Requests that name no model are answered by the first one. With --classifiers,
    no RUN is needed. Without any run in runs/, an ImageNet classifier is served.

    SIGTERM and Ctrl-C end the service when everything under way is answered. SIGHUP opens the
    models, the token file and the certificate again.

    Example: imgrec serve pets=last
    """
    from imgrec.runtime.engine import EngineOptions
    from imgrec.serve.decoding import DecodingPool

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "classifiers": classifiers,
        "token_file": token_file,
        "insecure": insecure,
        "certificate": certificate,
        "key": key,
        "allowed_hosts": allowed_hosts,
        "allowed_origins": allowed_origins,
        "proxies": proxies,
        "grace": grace,
        "reload": reload,
        "access_log": not no_access_log,
    }
    engine_options = EngineOptions(engine, precision, device)
    with closing(DecodingPool()) as decoding:
        decoding.start()  # its processes get ready while the rest is imported
        try:
            from imgrec.serve.server import Settings
            from imgrec.serve.server import serve as listen
        except ModuleNotFoundError as error:
            raise RunError(
                f"`imgrec serve` needs the module {error.name}",
                hint="`pip install 'imgrec[serve]'`",
            ) from error
        settings = Settings((), engine_options, **given)
        if config is not None:
            settings = _with_config(settings, config, runs_dir)
        if runs or pretrained or not (settings.models or settings.classifiers):
            settings = replace(settings, models=_sources(console, runs, pretrained, runs_dir))
        listen(settings, decoding)


def _with_config(settings: Settings, path: Path, runs_dir: Path) -> Settings:
    """Return settings with what a config says of those that no option gives."""
    from imgrec.serve.config import read_config
    from imgrec.serve.models import ModelSource

    context, config = click.get_current_context(), read_config(path)

    def is_free(option: str) -> bool:
        return context.get_parameter_source(option) is ParameterSource.DEFAULT

    models = [ModelSource(*each, runs_dir) for each in config.models.items()]
    engine = {
        key: value
        for key in ("engine", "precision")
        if is_free(key) and (value := getattr(config, key)) is not None
    }
    found: dict[str, Any] = {
        key: value
        for key in ("host", "port", "grace", "reload", *_PATHS, *_LISTS)
        if is_free(key) and (value := getattr(config, key)) not in (None, ())
    }
    if config.access_log is not None and is_free("no_access_log"):
        found["access_log"] = config.access_log
    for key in _PATHS:
        if key in found:
            found[key] = Path(found[key])
    return replace(
        settings,
        models=models,
        engine=replace(settings.engine, **engine),
        limits=config.limits.limits,
        **found,
    )


def _sources(
    console: Console, runs: Sequence[str], pretrained: str | None, runs_dir: Path
) -> Sequence[ModelSource]:
    """Return what is served; raise UsageError if two models have the same name."""
    from imgrec.serve.models import ModelSource

    if runs and pretrained:
        raise UsageError("RUN and --pretrained can't be combined")
    if runs:
        sources = list(_named(runs, runs_dir))
    else:
        only, *_ = chosen_models(console, (), pretrained, runs_dir, "a RUN")
        sources = [
            ModelSource(only, (only,), runs_dir, pretrained=True)
            if isinstance(only, str)
            else ModelSource("last", ("last",), runs_dir)
        ]
    names = [each.name for each in sources]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two models have the name {printable(name)}", hint="write NAME=RUN for one of them"
            )
    return sources


def _named(runs: Sequence[str], runs_dir: Path) -> Iterator[ModelSource]:
    from imgrec.runs.folder import LAST
    from imgrec.runs.repeats import find_folder
    from imgrec.serve.models import ModelSource

    for each in runs:
        name, equals, references = each.partition("=")
        if not equals or Path(each).is_dir():
            name = LAST if each == LAST else find_folder(each, runs_dir).resolve().name
            yield ModelSource(name, (each,), runs_dir)
        elif not name or not all(references.split(",")):
            raise UsageError(f"{printable(each)} does not have the form NAME=RUN or NAME=RUN,RUN")
        else:
            yield ModelSource(name, tuple(references.split(",")), runs_dir)
