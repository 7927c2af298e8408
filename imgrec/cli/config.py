"""`imgrec config list|show|copy|schema`."""

from __future__ import annotations

from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.errors import UsageError
from imgrec.text import printable


@options.group("config")
def config() -> None:
    """List, show and copy the shipped configs.

    Example: imgrec config list
    """


@config.command("list")
@options.as_json
@click.pass_obj
def list_configs(console: Console, *, as_json: bool) -> None:
    """List the shipped configs.

    Example: imgrec config list
    """
    from imgrec.config import shipped

    rows = [(name, shipped.description(name)) for name in shipped.names()]
    if as_json:
        from imgrec.cli.documents import ConfigsDocument, ShippedConfig

        return console.document(ConfigsDocument(1, tuple(ShippedConfig(*row) for row in rows)))
    return console.table(("name", "description"), rows, wrapped=True)


@config.command("show")
@click.argument("name")
@options.as_json
@click.pass_obj
def show(console: Console, *, name: str, as_json: bool) -> None:
    """Print a shipped config.

    Example: imgrec config show small_cnn
    """
    from imgrec.config import shipped

    text = shipped.text(name)
    if as_json:
        from imgrec.cli.documents import ConfigDocument

        return console.document(ConfigDocument(1, name, text))
    return console.result(text)


@config.command("copy")
@click.argument("name")
@click.argument("destination", required=False, type=click.Path(path_type=Path))
@options.as_json
@click.pass_obj
def copy(console: Console, *, name: str, destination: Path | None, as_json: bool) -> None:
    """Copy a shipped config to a file of yours.

    DESTINATION is a file or a folder; the default is the working directory.

    Example: imgrec config copy small_cnn mine.yaml
    """
    from imgrec.config import shipped
    from imgrec.files import write_text

    text = shipped.text(name)
    path = _place(destination or Path(), shipped.path(name).name)
    write_text(path, text)
    if as_json:
        from imgrec.cli.documents import WrittenDocument

        return console.document(WrittenDocument(1, str(path)))
    return console.result(f"written: {printable(str(path))}")


@config.command("schema")
@click.pass_obj
def schema(console: Console) -> None:
    """Print the JSON schema of configs, for editors.

    Example: imgrec config schema > imgrec.schema.json
    """
    from imgrec.config import reference as config_schema
    from imgrec.json_documents import json_text

    console.result(json_text(config_schema.schema()))


def _place(destination: Path, name: str) -> Path:
    path = destination / name if destination.is_dir() else destination
    if path.exists():
        raise UsageError(
            f"{printable(str(path))} already exists", hint="remove it, or give another destination"
        )
    return path
