"""`imgrec config list|show|copy|schema`."""

from __future__ import annotations

from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
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
@click.argument("name", metavar="CONFIG")
@options.as_json
@click.pass_obj
def show(console: Console, *, name: str, as_json: bool) -> None:
    """Print a shipped config, or a YAML file with all defaults.

    CONFIG is the name of a shipped config, printed as it is, or a file, printed with all defaults
    and the names of all arguments.

    Example: imgrec config show small_cnn
    """
    from imgrec.config import shipped

    text = _resolved(name) if Path(name).is_file() else shipped.text(name)
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

    DESTINATION is a file or a folder; the default is the working directory. No file is replaced.

    Example: imgrec config copy small_cnn mine.yaml
    """
    from imgrec.config import shipped
    from imgrec.config.load import CONFIG_SUFFIXES
    from imgrec.files import chosen_output, write_text

    text = shipped.text(name)
    folder = destination or Path()
    file = None if folder.is_dir() else destination
    path = chosen_output(file, folder / shipped.path(name).name, CONFIG_SUFFIXES, edited=True)
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


def _resolved(file: str) -> str:
    from imgrec.config.load import dump, load  # pydantic: a shipped config is printed without it

    return dump(load(file))
