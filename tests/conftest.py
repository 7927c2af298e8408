"""Fixtures that several layers' tests share."""

from __future__ import annotations

import functools
import gc
import io
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from PIL import Image

from imgrec.backbones import BACKBONES
from imgrec.child_process import parent
from imgrec.config.load import parse
from imgrec.models.packaged_weights import is_installed, packaged_weights
from imgrec.runs.folder import Run, find
from tests.forks import Forks

PROJECT = Path(__file__).resolve().parent.parent

# Learns the digits to about 90 % in two epochs of a fraction of a second.
TINY = """
name: tiny
data: {loader: digits, image_size: [8, 8], channels: 1, split: {validation: 0.2, test: 0.2}}
preprocessing: {rescale: 1/255}
augmentation: {width_shift_range: 0.1}
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3, activation: relu}
    - Flatten
    - Dropout: {rate: 0.2}
training: {epochs: 2, optimizer: {Adam: {learning_rate: 1e-2}}}
"""

# Half of the time of a training of TINY, for tests of what holds for any epoch.
FEW_STEPS = ("training.steps_per_epoch=2", "training.validation_steps=1")

COLOURS = """
name: colours
data: {root: photos, image_size: [8, 8], split: {validation: 0.2, test: 0.2}}
preprocessing: {rescale: 1/255}
model: {layers: [GlobalAveragePooling2D]}
training: {epochs: 1}
"""


# `make test-fast` draws a quarter of the examples that Hypothesis draws by default.
settings.register_profile("fast", settings.get_profile("ci"), max_examples=25)

Once = Callable[[str, Callable[[Path], object]], Path]

# Why a test is skipped on a machine without the photos; one that has them has them all.
NO_TEST_DATA = "IMGREC_TEST_DATA does not exist"

needs_weights = pytest.mark.skipif(
    not all(is_installed(name) for name in BACKBONES if packaged_weights(name)),
    reason="the extra `weights` is not installed",
)
"""Marks a test of ImageNet weights that come in packages."""

# Where any test may load TensorFlow; elsewhere those do that use a trained run, or are marked.
WITH_TENSORFLOW = {"explanation", "models", "training", "workflows"}

# Where children are started as users start them.
WITHOUT_FORKS = {"test_import_isolation.py", "test_safety.py"}

# Where no test looks at the charts of reports.
WITHOUT_CHARTS = {"cli", "teaching", "tracking", "training", "workflows"}


class _NoTensorFlow(MetaPathFinder, Loader):
    """Fails a test that loads TensorFlow where the tests that do so were left out."""

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        """Find TensorFlow and Keras, so that whether they are installed can still be asked."""
        return ModuleSpec(fullname, self) if fullname in {"keras", "tensorflow"} else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Refuse."""
        pytest.fail(f"this test loads {spec.name}: mark it with pytest.mark.tensorflow")


class _StrictSkips:
    """Fails the whole run if a test is skipped that tests/skips.txt does not list."""

    def __init__(self) -> None:
        lines = (PROJECT / "tests/skips.txt").read_text("utf-8").splitlines()
        self._allowed = tuple(line.split()[0] for line in lines if not line.startswith("#"))
        self._skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped, with the reason."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that was skipped as a whole."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            if not report.nodeid.startswith(self._allowed) and NO_TEST_DATA not in str(reason):
                self._skipped.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the run fail."""
        if self._skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was skipped."""
        if self._skipped:
            terminalreporter.section("skipped, but not listed in tests/skips.txt", red=True)
            for line in sorted(self._skipped):
                terminalreporter.write_line(line)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--strict-skips`."""
    help_text = "fail if a test is skipped that tests/skips.txt does not list"
    parser.addoption("--strict-skips", action="store_true", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Keep TensorFlow out if `-m` leaves out the tests that load it; look out for skipped tests."""
    if "not tensorflow" in config.getoption("-m"):
        sys.meta_path.insert(0, _NoTensorFlow())
    if config.getoption("--strict-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_StrictSkips())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no tests that `-m` leaves out by their folder, which takes as long as some of them."""
    left_out = "not tensorflow" in config.getoption("-m")
    return True if left_out and collection_path.name in WITH_TENSORFLOW else None


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that load TensorFlow."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.path.parent.name in WITH_TENSORFLOW or {"trained", "colour_run"} & {*fixtures}:
            item.add_marker(pytest.mark.tensorflow)


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep caches out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGREC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@contextmanager
def without_charts() -> Iterator[None]:
    """Leave the charts of reports blank: to draw them takes half of a small training."""
    from imgrec.report import charts

    content = io.BytesIO()
    Image.new("RGB", (1, 1)).save(content, "PNG")
    with pytest.MonkeyPatch.context() as patch:
        for theme in ("light", "dark"):
            patch.setattr(charts.ThemedChart, theme, content.getvalue())
        patch.setattr(charts, "curves", lambda *_, **__: content.getvalue())
        yield


@pytest.fixture(scope="module")
def blank_charts() -> Iterator[None]:
    """Work `without_charts`."""
    with without_charts():
        yield


@pytest.fixture(scope="module", autouse=True)
def _charts(request: pytest.FixtureRequest) -> None:
    """Draw none in WITHOUT_CHARTS, but for the runs that all tests share."""
    if request.path.parent.name in WITHOUT_CHARTS:
        request.getfixturevalue("blank_charts")


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Forks of a process that has TensorFlow loaded; it starts when one is needed."""
    with closing(Forks()) as found:
        yield found


@pytest.fixture(scope="module")
def forked_children(forks: Forks) -> Iterator[None]:
    """Let child processes of `imgrec.child_process` be forks: most load TensorFlow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parent, "_started", forks.child)
        yield


@pytest.fixture(scope="module", autouse=True)
def _children(request: pytest.FixtureRequest) -> None:
    """Fork them WITH_TENSORFLOW, but where it is tested what a child does to this process."""
    folder, name = request.path.parent.name, request.path.name
    if folder in WITH_TENSORFLOW and name not in WITHOUT_FORKS:
        request.getfixturevalue("forked_children")


@pytest.fixture(autouse=True)
def _weights() -> None:
    """Draw the same random weights in a test whatever ran before it."""
    _seed()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> None:
    """Draw the same random weights in what tests share, too, whichever test asks for it first."""
    if fixturedef.scope != "function":
        _seed()


def _seed() -> None:
    random.seed(0)  # Keras takes its own first seed from here
    if "keras" in sys.modules:
        _keep_libraries()
        sys.modules["keras"].utils.set_random_seed(0)


@functools.cache
def _keep_libraries() -> None:
    """Leave out what is loaded when garbage is collected, as LiteRT does in each conversion."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Return a function from a path below IMGREC_TEST_DATA to that path; it skips where missing."""
    root = (PROJECT / os.environ.get("IMGREC_TEST_DATA", "../shared")).resolve()

    def find(path: str) -> Path:
        if not root.exists():
            pytest.skip(f"{NO_TEST_DATA}: {root}")
        if not (root / path).exists():
            pytest.skip(f"no {path} below IMGREC_TEST_DATA ({root})")
        return root / path

    return find


@pytest.fixture
def no_packaged_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the packages with ImageNet weights, as if they were not installed."""
    for name in BACKBONES:
        if weights := packaged_weights(name):
            monkeypatch.setitem(cast("dict[str, object]", sys.modules), weights.package, None)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Return a function from a name, and what fills a folder, to that folder.

    It is filled once, by one of the processes of pytest-xdist; each works on a copy, since even an
    export to another place locks a run.
    """
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder; they share the one above.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                folder.mkdir()
                fill(folder)
                done.touch()
        own = base / name
        if not own.exists():
            shutil.copytree(folder, own)
        return own

    return made


@pytest.fixture(scope="session")
def trained(once: Once) -> Run:
    """A complete run of TINY on the digits; tests must not change it."""

    def train_it(folder: Path) -> None:
        from imgrec.workflows.training import train

        train(parse(TINY, "tiny.yaml"), runs_dir=folder)

    return find("tiny-1", once("trained", train_it))


@pytest.fixture(scope="session")
def colour_run(once: Once) -> Run:
    """A complete run on `photos` in the working directory; tests must not change it."""

    def train_it(folder: Path) -> None:
        from imgrec.workflows.training import train

        write_colours(folder / "photos")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            train(parse(COLOURS, "colours.yaml"), runs_dir=folder / "runs")

    return find("colours-1", once("colours", train_it) / "runs")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 20 reddish and 20 bluish 12x10 PNGs, in class folders `red` and `blue`."""
    return write_colours(tmp_path / "photos")


@pytest.fixture
def database() -> Iterator[str]:
    """Start a PostgreSQL server on loopback, and return the address of a database."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin")]  # where Debian has it
    path = os.pathsep.join([os.environ["PATH"], *map(str, found)])
    initialize, control = (shutil.which(name, path=path) for name in ("initdb", "pg_ctl"))
    if initialize is None or control is None:
        pytest.skip("PostgreSQL is not installed")
    home, user = Path(tempfile.mkdtemp(prefix="pg")), []
    if os.geteuid() == 0:  # which the server refuses
        shutil.chown(home, "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd=home)

    run(initialize, "-D", f"{home}/data", "-A", "trust", "-U", "postgres")
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -k {home}"
    run(control, "-D", f"{home}/data", "-o", settings, "-l", f"{home}/log", "-w", "start")
    yield f"postgresql+psycopg://postgres:secret@127.0.0.1:{port}/postgres"
    run(control, "-D", f"{home}/data", "-m", "immediate", "-w", "stop")
    shutil.rmtree(home)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount an empty file system of a size in a new folder, where this process may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - found on PATH


def write_bright_and_dark(root: Path, count: int, side: int) -> Path:
    """Write so many square images into each of the class folders `bright` and `dark`."""
    random = np.random.default_rng(0)
    for name, low in (("bright", 128), ("dark", 0)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(low, low + 128, (side, side, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:02d}.png")
    return root


def write_colours(root: Path) -> Path:
    """Write the images of `photos`, the same ones each time; return the folder."""
    random = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (root / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 100, (10, 12, 3), np.uint8)
            pixels[..., channel] += 100
            Image.fromarray(pixels).save(root / name / f"{number:02d}.png")
    return root
