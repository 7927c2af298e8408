"""`imgrec info`."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import TYPE_CHECKING

import click

import imgrec
from imgrec.cli import options
from imgrec.cli.console import Console

if TYPE_CHECKING:
    from imgrec.models.backend import Machine

_PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


@options.command("info")
@options.as_json
@click.pass_obj
def info(console: Console, *, as_json: bool) -> None:
    """Show versions, devices and what is fast on this machine.

    Example: imgrec info
    """
    from imgrec.models.backend import describe

    versions, machine = _versions(), describe()
    if as_json:
        import dataclasses

        return console.document({"versions": versions, "machine": dataclasses.asdict(machine)})
    return console.table(("what", "here"), [*versions.items(), *_lines(machine)])


def _versions() -> dict[str, str]:
    from PIL import features

    libjpeg = features.version("libjpeg_turbo")
    return {
        "imgrec": imgrec.__version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        "libjpeg": f"turbo {libjpeg}" if libjpeg else str(features.version("jpg")),
    }


def _lines(machine: Machine) -> list[tuple[str, str]]:
    return [
        ("processor", f"{machine.processor}, {machine.cores} cores"),
        ("AVX-512", "yes" if machine.avx512 else "no"),
        ("oneDNN", "on" if machine.onednn else "off"),
        ("GPU", ", ".join(machine.gpus) or "none found: the CPU computes"),
    ]
