"""The examples in deploy/ work, as far as that shows without Docker's or systemd's daemon."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from imgrec.runs.folder import Run
from tests.conftest import PROJECT
from tests.serve.running import SECONDS, free_port
from tests.serve.serving import Connection, predicted

DEPLOY = PROJECT / "deploy"
HOME = "/opt/imgrec"
ANALYZE, UNSHARE, SETPRIV = map(shutil.which, ("systemd-analyze", "unshare", "setpriv"))


@dataclass(frozen=True)
class Image:
    """What a Dockerfile says: the steps of its first stage, and how the last one runs."""

    steps: Sequence[tuple[str, str]]
    environment: Mapping[str, str]
    entrypoint: Sequence[str]
    command: Sequence[str]
    health: Sequence[str]
    user: str


def image() -> Image:
    """Return what deploy/Dockerfile says."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    instructions = [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]
    start = [word for word, _ in instructions].index("FROM", 1)
    last = dict(instructions[start:])
    return Image(
        steps=instructions[1:start],
        environment=dict(pair.split("=", 1) for pair in shlex.split(last["ENV"])),
        entrypoint=json.loads(last["ENTRYPOINT"]),
        command=json.loads(last["CMD"]),
        health=json.loads(last["HEALTHCHECK"].partition("CMD ")[2]),
        user=last["USER"],
    )


def compose() -> Any:
    """Return the service of deploy/compose.yaml."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["imgrec"]


def unit() -> configparser.ConfigParser:
    """Return deploy/imgrec.service."""
    parser = configparser.ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "imgrec.service", "utf-8")
    return parser


def test_the_container_may_do_little() -> None:
    """It is not root, and can't write; it has the time to end that the service takes."""
    service = compose()

    assert image().user.split(":")[0] not in ("0", "root")
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["stop_grace_period"] == "40s"


def test_the_unit_may_do_little() -> None:
    """It runs as a user that exists only meanwhile, and sees the file system read-only."""
    service = unit()["Service"]

    assert (service["DynamicUser"], service["ProtectSystem"]) == ("yes", "strict")
    assert service["TimeoutStopSec"] == "40"
    assert "--host" not in service["ExecStart"]


@pytest.mark.slow
@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """It finds nothing wrong if the program is installed."""
    text = (DEPLOY / "imgrec.service").read_text("utf-8")
    (tmp_path / "imgrec.service").write_text(text.replace(f"{HOME}/bin/imgrec", "/bin/true"))
    command = [str(ANALYZE), "verify", str(tmp_path / "imgrec.service")]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stderr == ""


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder that any user may read."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.slow
def test_the_commands_answer_from_a_read_only_root(colour_run: Run, place: Path) -> None:
    """The steps of the image install imgrec, and its command and the unit's start it.

    Run by root, they start as the image's user, below a root that is read-only.
    """
    described = image()
    programs = build(described, place)
    shutil.copytree(colour_run.path.parent, place / "runs")
    (place / "photo.png").write_bytes(
        (colour_run.path.parents[1] / "photos" / "red" / "00.png").read_bytes()
    )
    start = [*confined(described.user, programs)]
    environment = {**described.environment, "PATH": f"{programs}:/usr/bin:/bin"}
    of_unit = shlex.split(unit()["Service"]["ExecStart"])

    in_container = Started(place, environment, described.health)
    in_container.check([*start, *described.entrypoint, *described.command], colour_run)
    in_container.check([*start, *of_unit], colour_run)


@dataclass(frozen=True)
class Started:
    """A service that is started by the commands of deploy/.

    Args:
        place: Where its runs, its tokens and a photo are.
        environment: Its variables.
        health: The command that checks it.
    """

    place: Path
    environment: Mapping[str, str]
    health: Sequence[str]

    def check(self, command: Sequence[str], run: Run) -> None:
        """Start it, ask it with a token and without one, and end it."""
        port = free_port()
        host, photo = f"127.0.0.1:{port}", self.place / "photo.png"
        variables = {**self.environment, "AIP_HTTP_PORT": str(port)}
        variables["IMGREC_RUNS"] = str(self.place / "runs")
        token = self.new_token()
        with subprocess.Popen(self.placed(command), env=variables, cwd="/") as process:
            try:
                wait_for(host, process)
                subprocess.run(self.health, env=variables, check=True, timeout=60)
                with closing(Connection(host, {"Authorization": f"Bearer {token}"})) as allowed:
                    found = allowed.answer("/", photo.read_bytes())
                with closing(Connection(host)) as unknown:
                    assert unknown.send("POST", "/", photo.read_bytes())[0] == 401
            finally:
                process.terminate()
                status = process.wait(60)
        assert status == 0
        [expected] = predicted([run], [photo])
        assert {each["label"]: each["score"] for each in found} == expected
        ended = subprocess.run(self.health, env=variables, check=False, capture_output=True)
        assert ended.returncode != 0

    def new_token(self) -> str:
        """Return a token that the service accepts."""
        programs, tokens = self.place / "opt" / "bin", self.place / "tokens"
        command = [str(programs / "imgrec"), "token", "add", str(tokens), "--right", "ask"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        tokens.chmod(0o644)
        return done.stdout.strip()

    def placed(self, command: Sequence[str]) -> Sequence[str]:
        """Return a command with the paths that exist here."""
        paths = {
            "/run/secrets": self.place,
            "${CREDENTIALS_DIRECTORY}": self.place,
            "/var/lib/imgrec": self.place,
            HOME: self.place / "opt",
        }
        for path, here in paths.items():
            command = [each.replace(path, str(here)) for each in command]
        return command


def build(described: Image, folder: Path) -> Path:
    """Do the steps of the first stage below a folder; return the folder of its programs."""
    (folder / "build").mkdir()
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    for word, rest in described.steps:
        if word == "COPY":
            copy(rest.split(), folder / "build")
        elif word == "RUN":
            command = ["/bin/sh", "-ec", rest.replace(HOME, str(folder / "opt"))]
            subprocess.run(command, cwd=folder / "build", env=environment, check=True)
    return folder / "opt" / "bin"


def copy(names: Sequence[str], folder: Path) -> None:
    """Copy files or the content of a folder of the project, as Docker does."""
    *sources, target = names
    for name in sources:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / target)
        else:
            shutil.copy(PROJECT / name, folder / target)


def confined(user: str, programs: Path) -> Sequence[str]:
    """Return what starts a command below a read-only root, as a user; only root can.

    The user stays root if others can't start this Python, as one below /root.
    """
    if os.geteuid() != 0 or UNSHARE is None or SETPRIV is None:
        return ()
    number, _, group = user.partition(":")
    switch = [SETPRIV, "--reuid", number, "--regid", group, "--clear-groups"]
    start = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', '']))"
    done = subprocess.run(
        [*switch, programs / "python", "-c", start], check=False, capture_output=True
    )
    script = 'mount --make-rprivate / && mount -o remount,bind,ro / && exec "$@"'
    return UNSHARE, "--mount", "sh", "-ec", script, "sh", *(() if done.returncode else switch)


def wait_for(host: str, process: subprocess.Popen[bytes]) -> None:
    """Return as soon as a service is ready."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the service ended"
        with suppress(OSError), closing(Connection(host)) as connection:
            if connection.send("GET", "/health/ready")[0] == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the service did not start")
