"""Section `tracking` of a config: where a training is recorded besides its run."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import Field

from imgrec.sections.section import ConfigFinding, Section, Text

CREDENTIALS = (
    "the address contains a user name or a password; set MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD instead"
)
"""What is wrong with an address that has them: a run would keep them."""


class MlflowTracking(Section):
    """An MLflow tracking server, or another store that MLflow knows by its address."""

    uri: Text | None = Field(
        default=None,
        description="Its address, such as `http://localhost:5000`; by default "
        "$MLFLOW_TRACKING_URI. User name, password and token are $MLFLOW_TRACKING_USERNAME, "
        "$MLFLOW_TRACKING_PASSWORD and $MLFLOW_TRACKING_TOKEN.",
    )
    experiment: Text | None = Field(
        default=None, description="The experiment of MLflow; by default the config's `name`."
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield an address with a user name or a password."""
        if has_credentials(self.uri or ""):
            yield ("uri",), CREDENTIALS


def has_credentials(uri: str) -> bool:
    """Return whether an HTTP address contains a user name or a password.

    Example:
        >>> has_credentials("https://me:secret@host"), has_credentials("https://host")
        (True, False)
    """
    return uri.startswith(("http:", "https:")) and "@" in urlsplit(uri).netloc


class Tracking(Section):
    """Where a training is recorded besides its run. Nothing of it changes the training."""

    mlflow: MlflowTracking | None = Field(
        default=None, description="MLflow; needs `imgrec[mlflow]`."
    )
    tensorboard: bool = Field(
        default=False,
        description="Whether to write a TensorBoard log into the folder `tensorboard` of the run; "
        "needs `imgrec[tensorboard]`.",
    )
