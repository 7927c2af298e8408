"""A command and all that it printed, as text for a snapshot."""

from __future__ import annotations

import re
import shlex
import subprocess

# Lists that grow with every loader, format, layer, metric and config, and the machine's device.
LISTS = (
    r"(?<=^device: ).*",
    r"(?<=allowed: ).*",
    r"(?<=shipped config: )[\w, ]+",
    r"(?<=shipped configs: )[\w, ]+",
    r"(?<=set data\.loader to one of )[\w, ]+",
    r"(?<=not in one of these formats: )[\w, ]+",
    r"(?<=choose one of )ConvNeXt[\w, ]+",
    r"accuracy, top_k_accuracy(, \w+)*",
    r"(?<=per class: )precision(, \w+)*",
)


def transcript(process: subprocess.CompletedProcess[str], **hide: str) -> str:
    """Return the command, its exit status, stdout and stderr.

    Args:
        process: A process whose `args` are the arguments of imgrec.
        hide: Regular expressions by the word that stands for what they match.
    """
    shown = [f"$ {shlex.join(['imgrec', *process.args])}", f"[exit status {process.returncode}]"]
    for name in ("stdout", "stderr"):
        if text := getattr(process, name):
            shown += [f"[{name}]", text.removesuffix("\n")]
    return settled("\n".join(shown), **hide)


def settled(text: str, **hide: str) -> str:
    """Return a text without what differs between machines, or grows with imgrec."""
    for pattern in LISTS:
        text = re.sub(pattern, "...", text, flags=re.MULTILINE)
    for word, pattern in hide.items():
        text = re.sub(pattern, f"<{word}>", text)
    return text
