"""Teaches classifiers at random in processes that are killed: reads `FOLDER SEED SECONDS` lines."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from imgrec.files import sha256
from imgrec.workflows.teaching import Classifier
from tests.teaching.small import picture

LOG = "log.txt"


def main() -> None:
    """Answer each line when its process is dead."""
    for line in sys.stdin:
        folder, seed, seconds = line.split()
        process = os.fork()
        if not process:
            teach(Path(folder), int(seed))
        time.sleep(float(seconds))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        sys.stdout.write("killed\n")
        sys.stdout.flush()


def teach(folder: Path, seed: int) -> None:
    """Change a classifier without end; the log has each change before and after it."""
    choice = random.Random(seed)  # noqa: S311  # nothing secret
    with (folder / LOG).open("a", buffering=1) as log, Classifier(folder / "pets") as pets:
        while True:
            _change(pets, choice, log.write)


def _change(pets: Classifier, choice: random.Random, log: object) -> None:
    number = choice.randrange(30)
    content = picture(number, red=number % 2 == 0)
    digest, name = sha256(content), choice.choice(["red", "blue"])
    there = {each.sha256 for each in pets.photos()}
    step = choice.choice(["add"] * 6 + ["forget"] * 3 + ["label"] * 2 + ["publish"])
    assert callable(log)
    if (step == "add") == (digest in there) and step != "publish":
        return
    log(f"begin {step} {digest} {name}\n")
    if step == "add":
        pets.add([content], name)
    elif step == "forget":
        pets.forget([digest])
    elif step == "label":
        pets.label(digest, name)
    elif all(each.photos > 1 for each in pets.classes()):
        pets.publish(force=True)
    log(f"done {step} {digest} {name}\n")


if __name__ == "__main__":
    main()
