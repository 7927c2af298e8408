"""What Keras has downloaded, and whether it can download, without loading TensorFlow or Keras."""

from __future__ import annotations

import http.client
import os
import re
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from imgrec.errors import RunError
from imgrec.text import printable

_HOST = "storage.googleapis.com"
ADDRESS = f"https://{_HOST}/tensorflow/keras-applications"
"""Where Keras downloads ImageNet weights from."""

_SECONDS = 4.0


def download_folder() -> Path:
    """Return where Keras keeps what it downloads: below $KERAS_HOME, else ~/.keras."""
    # Functions of os.path never raise.
    home = Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"))  # noqa: PTH111
    there = next(each for each in (home, *home.parents) if os.path.exists(each))  # noqa: PTH110
    if not os.access(there, os.W_OK):  # Keras then uses another one
        temporary = "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()  # noqa: S108
        home = Path(temporary, ".keras")
    return home / "models"


def has_weights(application: str, *, top: bool) -> bool:
    """Return whether a file is named after an application's ImageNet weights.

    The exact names are known to Keras alone.

    Args:
        application: A classifier of `keras.applications`.
        top: Whether the weights have its last layer.
    """
    wanted = re.compile(rf"{_squeezed(application)}(?!v\d)")  # MobileNet is not MobileNetV2
    try:
        names = [_squeezed(each.name) for each in download_folder().iterdir()]
    except OSError:
        return False
    return any(wanted.search(name) and ("notop" in name) != top for name in names)


def require_weights(application: str, *, top: bool, hint: str) -> None:
    """Check that an application's ImageNet weights are on this machine, or can be downloaded.

    Args:
        application: As in `has_weights`.
        top: As in `has_weights`.
        hint: Of the error.

    Raises:
        RunError: They are not, and the host can't be reached within four seconds.
    """
    if has_weights(application, top=top):
        return
    answer = answer_of(ADDRESS, _SECONDS)
    # Any status is an answer: what is wrong with the file, Keras finds out.
    if isinstance(answer, str):
        raise RunError(
            f"the ImageNet weights of {application} are not on this machine, and {_HOST} can't be "
            f"reached: {printable(answer)}",
            hint=hint,
        )


def answer_of(address: str, seconds: float) -> int | str:
    """Return the HTTP status with which a host answers, or why it does not.

    The proxy of the environment is used, as Keras does.
    """
    # In a thread, as looking up a name has no timeout.
    answers: list[int | str] = []

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD")  # noqa: S310  # https, ours
        try:
            # Not urlopen, which keeps the proxy of its first call.
            with urllib.request.build_opener().open(request, timeout=seconds) as answer:
                answers.append(answer.status)
        except urllib.error.HTTPError as error:
            answers.append(error.code)
        except (OSError, ValueError, http.client.HTTPException) as error:
            answers.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else f"no answer within {seconds:g} seconds"


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
