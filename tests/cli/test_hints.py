"""What a hint says to type is typed, and the failure is gone; no hint names what does not exist."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pytest

import imgrec as package
from imgrec.cli.main import cli
from imgrec.interface import option

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Trained = tuple[Path, Process]

# `predict` then fails without a run.
pytestmark = pytest.mark.usefixtures("no_packaged_weights")

SOURCE = Path(package.__file__).parent

# Their texts are only shown by commands, or describe them.
# Modules that call other programs, with their options.
OTHER_PROGRAMS = ("repository.py", "reading.py")  # Git, curl
ONLY_COMMANDS = (
    "cli/", "config/reference.py", "report/documents/",
    "workflows/dataset_summary.py", "workflows/import_model.py", "workflows/import_usage.py",
    "workflows/init.py", "workflows/pack.py", "workflows/pretrained_weights.py",
)  # fmt: skip

# What stands for the placeholders of hints.
MEANT = {
    "CONFIG": "tiny.yaml",
    "FILE": "new.yaml",
    "FILE.yaml": "copied.yaml",
    "FILE.jsonl": "answers.jsonl",
    "FILE.html": "answers.html",
    "FOLDER": "photos",
    "CLASS": "8",
}
TINY = """\
name: tiny
data: {root: photos, image_size: [8, 8], split: {validation: 0.25, test: 0.25}}
preprocessing: {rescale: 1/255}
model:
  layers: [Flatten, {Dense: {units: 8}}]
training: {epochs: 1}
"""


@pytest.fixture
def here(tmp_path: Path, photos: Path) -> Path:
    """Return the working directory, with `tiny.yaml`, `photos` and what resembles a config."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "lost.yaml").write_text(TINY.replace("root: photos", "root: gone"))
    shutil.copy(photos / "cat" / "0.png", tmp_path / "photo.png")
    shutil.make_archive(str(tmp_path / "packed"), "tar", tmp_path, "photos")
    rows = "\n".join(f"{file.relative_to(tmp_path)},{file.parent.name}" for file in images(photos))
    (tmp_path / "table.csv").write_text(f"path,label\n{rows}\n")
    return tmp_path


def images(folder: Path) -> list[Path]:
    """Return the images below a folder."""
    return sorted(folder.rglob("*.png"))


def split_output(process: Process) -> tuple[str, str]:
    """Return the cause, the first line of an error, and the hint below it."""
    found = re.search(r"^imgrec: error: (.+?)\n(?:.*\n)*?hint: (.+)$", process.stderr, re.MULTILINE)
    assert found, process.stderr
    return found[1], found[2]


def typed(text: str) -> list[str]:
    """Return what a hint says to type, as arguments, its placeholders filled in."""
    words = shlex.split(text)
    return [re.sub(r"\b[A-Z]+(\.\w+)?$", lambda found: MEANT[found[0]], word) for word in words]


def commands(hint: str) -> list[list[str]]:
    """Return the arguments of the commands in a hint."""
    return [typed(each)[1:] for each in re.findall(r"`(imgrec [^`]+)`", hint)]


def added(hint: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the first option that the hint names, in place of the same one."""
    found = re.search(r"--[a-z-]+(?: (?:'[^']*'|[^\s,;'-][^\s,;]*))?", hint)
    assert found, hint
    option = typed(found[0].replace("--output FOLDER", "--output new"))
    if option[0] in arguments and option[0] != "--set":
        place = list(arguments).index(option[0])
        return [*arguments[:place], *option, *arguments[place + 2 :]]
    return [*arguments, *option]


def left_out(hint: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments without the option, and its value, that the hint says to leave out."""
    found = re.search(r"leave (?:out )?(--[a-z-]+)", hint)
    assert found, hint
    place = list(arguments).index(found[1])
    value = arguments[place + 1 : place + 2]
    taken = 2 if value and not value[0].startswith("--") else 1
    return [*arguments[:place], *arguments[place + taken :]]


def replaced(hint: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the last one replaced by the first value that the hint offers."""
    found = re.search(
        r"(?:shipped configs: |it (?:has|knows) |use |write (?:it as )?(?:--\w+ )?)`?([^,;`]+)",
        hint,
    )
    assert found, hint
    return [*arguments[:-1], found[1].split(" or ")[0]]


@pytest.mark.parametrize(
    "line",
    [
        "train",
        "train photo.png",
        "data preview packed.tar",
        "runs show nothing",
        "evaluate nothing",
        "runs compare nothing",
        "runs list --nothing",
        "config show",
        *(f"{name} --nothing" for name in cli.list_commands(click.Context(cli))),
    ],
)
@pytest.mark.usefixtures("here")
def test_the_command_of_a_hint_works(line: str, imgrec: Imgrec) -> None:
    """Every command that the hint names succeeds, with the files at hand as its placeholders."""
    process = imgrec(*line.split())
    assert process.returncode in {2, 3, 4}
    _, hint = split_output(process)
    assert commands(hint)
    for command in commands(hint):
        if command[0] in {"train", "predict"} and "--help" not in command:
            continue  # these take a run, or seconds: see below
        followed = imgrec(*command)
        assert followed.returncode == 0, (command, followed.stderr)


@pytest.mark.parametrize(
    ("line", "follow", "status"),
    [
        ("init photos", added, 0),
        ("init photos --output fresh.json", replaced, 0),
        ("config copy small_cnn fresh.txt", replaced, 0),
        ("data pack lost.yaml", added, 0),
        ("data pack tiny.yaml --output dest", added, 0),
        ("data pack bad.yaml", added, 0),
        ("data pack tiny.yaml --set epochs", replaced, 0),
        ("data pack tiny.yaml --set a=[1", replaced, 0),
        ("data pack tiny.yaml --set name.x=1", replaced, 0),
        ("config show small_cn", replaced, 0),
        ("config copy ./tiny.yaml", replaced, 0),
        ("config copy large", replaced, 0),
        ("predict photo.png --device tpu", replaced, 4),
        ("evaluate --device gpu:x", replaced, 4),
        ("evaluate --require acuracy>1", replaced, 4),
        ("evaluate --require accuracy[cat]>1", replaced, 4),
        ("evaluate --require recall>0.5", replaced, 4),
        ("predict photo.png --continue", added, 4),
        ("predict photo.png --heat-maps", added, 4),
    ],
)
def test_an_option_of_a_hint_works(
    line: str, follow: Callable[..., list[str]], status: int, imgrec: Imgrec, here: Path
) -> None:
    """With the option or the value that the hint offers, the command gets past the failure.

    Status 4: it then finds that there are no runs here.
    """
    (here / "dest").mkdir()
    (here / "photos.yaml").touch()
    (here / "bad.yaml").write_text(TINY.replace("photos", "spoilt"))
    shutil.copytree(here / "photos", here / "spoilt")
    for file in images(here / "spoilt")[::2]:
        file.write_bytes(b"\x89PNG")
    arguments = line.split()
    process = imgrec(*arguments)
    assert process.returncode in {2, 3, 4}
    cause, hint = split_output(process)
    followed = imgrec(*follow(hint, arguments))
    assert f"error: {cause}" not in followed.stderr
    assert followed.returncode == status, followed.stderr


@pytest.mark.parametrize(
    ("line", "follow"),
    [
        ("predict photo.png --runs-dir nowhere", added),
        ("predict photo.png --engine litert --device gpu", added),
        ("predict photo.png --output old.jsonl --continue", left_out),
        ("evaluate --max-drop accuracy=0.1", added),
        ("evaluate --require worst_slice.accuracy>=0", added),
        ("evaluate --data digits --split test", left_out),
        ("evaluate --data strange", added),
        ("evaluate --map eight=8", added),
        ("evaluate --data pets", added),
        ("predict photo.png --output answers.xlsx", replaced),
        ("evaluate --report report.txt", replaced),
        ("explain photo.png --method occlusion --class seven", replaced),
        ("explain photo.png --method occlusion --windows 5", added),
        ("explain photo.png --unit 3", added),
        ("explain photo.png --grid", added),
        ("check {run}", None),
        ("runs compare {run}", None),
    ],
)
def test_a_hint_about_a_run_works(
    line: str,
    follow: Callable[..., list[str]] | None,
    imgrec: Imgrec,
    here: Path,
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what the hint offers, a run predicts, evaluates and explains."""
    runs, _ = trained
    run = runs / "digits-1"
    monkeypatch.setenv("IMGREC_RUNS", str(runs))
    monkeypatch.setitem(MEANT, "RUN", str(run))
    monkeypatch.setitem(MEANT, "FOLDER", "strange")
    (here / "old.jsonl").touch()
    digits = (f"digits/{digit}" for digit in range(10))
    for folder in (*digits, "strange/eight", "strange/7", "pets/8a"):
        (here / folder).mkdir(parents=True)
        shutil.copy(here / "photo.png", here / folder)
    arguments = [word.format(run=run) for word in line.split()]
    process = imgrec(*arguments)
    assert process.returncode in {2, 3, 4}
    cause, hint = split_output(process)
    for command in commands(hint) if follow is None else [follow(hint, arguments)]:
        followed = imgrec(*command)
        assert f"error: {cause}" not in followed.stderr
        assert followed.returncode == 0, (command, followed.stderr)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("line", "follow"),
    [
        ("data preview tiny.yaml --output sheet.jpg", replaced),
        ("train odd.csv --dry-run --device cpu", added),
    ],
)
def test_a_hint_about_data_works(
    line: str, follow: Callable[..., list[str]], imgrec: Imgrec, here: Path
) -> None:
    """The format that the hint names is drawn; the columns that it says to name are read."""
    rows = (here / "table.csv").read_text().replace("path,label", "file,kind")
    (here / "odd.csv").write_text(rows)
    arguments = line.split()
    _, hint = split_output(imgrec(*arguments))
    hint = hint.replace("COLUMN", "file", 1).replace("COLUMN", "kind")
    followed = imgrec(*follow(hint, arguments))
    assert followed.returncode == 0, followed.stderr


@pytest.mark.tensorflow
def test_the_hints_of_a_resumed_training_work(
    imgrec: Imgrec, trained: Trained, tmp_path: Path
) -> None:
    """A finished run is trained further, with another seed if that is allowed, as the hints say."""
    shutil.copytree(trained[0], tmp_path / "runs")
    arguments = ["train", "--resume", "digits-1", "--device", "cpu"]
    cause, hint = split_output(imgrec(*arguments))
    assert cause == "digits-1 has finished: 1 epoch of 1"
    arguments = [*added(hint, arguments), "--set", "seed=7"]
    cause, hint = split_output(imgrec(*arguments))
    assert cause == "digits-1 would not be resumed as the same training"
    assert hint.startswith("--allow-changes resumes it anyway")
    followed = imgrec(*arguments, "--allow-changes")
    assert followed.returncode == 0, followed.stderr


@pytest.mark.tensorflow
def test_the_hints_of_an_import_work(imgrec: Imgrec, here: Path) -> None:
    """An output is named, and logits become probabilities, with the options of the hints."""
    (here / "names.txt").write_text("cat\ndog\nemu\n")
    two_outputs(here / "two.tflite")
    arguments = ["import", "two.tflite", "--classes", "names.txt"]
    for name in ("--output-name", "--activation"):
        _, hint = split_output(imgrec(*arguments))
        arguments = added(hint, arguments)
        assert arguments[-2] == name
    followed = imgrec(*arguments)
    assert followed.returncode == 0, followed.stderr


def two_outputs(path: Path) -> None:
    """Write a LiteRT model with the logits of three classes, and with features."""
    import keras
    import tensorflow as tf

    pixels = keras.Input((8, 8, 3), name="pixels")
    features = keras.layers.GlobalAveragePooling2D()(pixels)
    logits = keras.layers.Dense(3)(features)
    model = keras.Model(pixels, {"logits": logits, "features": features})
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def test_a_layout_of_a_hint_works(imgrec: Imgrec, here: Path) -> None:
    """Images at the place that the hint names are found; an archive is unpacked as it says."""
    (here / "empty").mkdir()
    _, hint = split_output(imgrec("check", "empty"))
    named = re.search(r"\S+/\S+\.jpg", hint)
    assert named
    for name in (named[0], named[0].replace("cat", "dog")):
        (here / name).parent.mkdir(parents=True)
        shutil.copy(here / "photo.png", here / name)
    assert imgrec("init", "empty").returncode == 0
    _, hint = split_output(imgrec("check", "packed.tar"))
    for command in hint.partition(": ")[2].split(" && "):
        subprocess.run(shlex.split(command), check=True, cwd=here)
    assert imgrec("init", "packed/photos").returncode == 0


def known_options() -> dict[str, set[str]]:
    """Return the options of each command, such as `data pack`, and of them all as ``."""

    def within(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command
            yield f"{before}{name}", command
            if isinstance(command, click.Group):
                yield from within(command, f"{before}{name} ")

    found = {
        name: {
            text
            for each in command.get_params(click.Context(command))
            for text in each.opts
            if text.startswith("--")
        }
        for name, command in within(cli, "")
    }
    return {**found, "": set().union(*found.values(), {"--version"})}


@pytest.mark.long
def test_hints_name_only_what_exists() -> None:
    """Every command and every option in a text of the source is one of the command line."""
    known = known_options()
    wrong = []
    for file in sorted(SOURCE.rglob("*.py")):
        for text in literals(file):
            for line in re.findall(r"`imgrec ([^`]+)`", text):
                wrong += [(file.name, line, each) for each in unknown(line, known)]
            for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
                if name not in known[""] and file.name not in OTHER_PROGRAMS:
                    wrong.append((file.name, text, name))
    assert not wrong


def unknown(line: str, known: dict[str, set[str]]) -> list[str]:
    """Return what a command line, without `imgrec`, names that does not exist."""
    words = line.replace("{}", " {}").split()  # options may be put behind a word
    command = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in known), None)
    if command is None:
        return [] if words[0].startswith("{}") else [words[0]]
    return [word for word in words if word.startswith("--") and word not in known[command]]


def test_options_are_spelled_as_the_caller_writes_them() -> None:
    """What both interfaces have is named by imgrec.interface, outside of the command line."""
    in_python = set()
    for function in (
        package.load, package.train, package.evaluate, package.check,
        package.Model.predict, package.Model.evaluate, package.Model.explain,
    ):  # fmt: skip
        in_python |= set(inspect.signature(function).parameters)
    shared = {
        name
        for name in known_options()[""]
        if spelled_in_python(name.removeprefix("--")) in in_python
    }
    assert {"--set", "--split", "--device", "--class", "--runs-dir"} <= shared
    wrong = [
        (str(file.relative_to(SOURCE)), text)
        for file in sorted(SOURCE.rglob("*.py"))
        if not str(file.relative_to(SOURCE)).startswith(ONLY_COMMANDS)
        for text in literals(file)
        if shared & set(re.findall(r"(?<!^ )--[a-z][a-z-]+", re.sub(r"`imgrec [^`]+`", "", text)))
    ]
    assert not wrong


def spelled_in_python(name: str) -> str:
    """Return an option's name in Python."""
    return re.split(r"=", option(name))[0]


@functools.cache
def literals(file: Path) -> tuple[str, ...]:
    """Return the texts of a module, `{}` for what is filled in; not its docstrings."""
    return tuple(_literals(ast.parse(file.read_text("utf-8"))))


def _literals(tree: ast.Module) -> Iterator[str]:
    passed = set()
    for node in ast.walk(tree):  # from the outside to the inside
        if isinstance(node, ast.Expr):  # a docstring
            passed.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in node.values}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in passed:
            yield str(node.value)
