"""The config of a service, `serve.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError

from imgrec.errors import UsageError
from imgrec.files import open_regular, reason_of
from imgrec.sections import yaml
from imgrec.sections.problems import Problem, config_error, problem_at
from imgrec.sections.section import AS_LIST, OrOneItem, Section, Text, findings
from imgrec.sections.yaml_errors import YamlError
from imgrec.serve.limits import MIB, Limits
from imgrec.text import printable

Texts = Annotated[tuple[Text, ...], AS_LIST, OrOneItem()]

_HINT = "docs/serve.md has an example, and docs/serve.schema.json describes every key"


class LimitsConfig(Section):
    """What a request and all of them together may take."""

    body_mib: PositiveInt = Field(
        default=32, description="MiB of a request's body, also after decompression."
    )
    bodies_mib: PositiveInt = Field(
        default=512, description="MiB of all bodies that are held at a time."
    )
    photos: PositiveInt = Field(default=64, description="Photos in a request.")
    megapixels: PositiveInt | None = Field(
        default=None,
        description="Megapixels of a photo. Default: the model's `data.max_megapixels`.",
    )
    waiting: PositiveInt = Field(
        default=32,
        description="Photos that are being answered or wait for it. With more, a request is "
        "refused at once, with status 503.",
    )
    connections: PositiveInt = Field(default=512, description="Open connections.")
    head_seconds: PositiveFloat = Field(
        default=10, description="Seconds until the head of a request has arrived."
    )
    idle_seconds: PositiveFloat = Field(
        default=20, description="Seconds without a byte of a request, or between two requests."
    )
    body_seconds: PositiveFloat = Field(
        default=300, description="Seconds until the body of a request has arrived."
    )

    @property
    def limits(self) -> Limits:
        """The limits in bytes."""
        others = self.model_dump(exclude={"body_mib", "bodies_mib"})
        return Limits(body=self.body_mib * MIB, bodies=self.bodies_mib * MIB, **others)


class ServeConfig(Section):
    """A service. Options on the command line take precedence over its keys."""

    models: dict[str, Texts] = Field(
        default_factory=dict,
        description="The runs that are served, by the name of the model: a folder, the name of a "
        "run, or `last`; several for an ensemble. The first model is the default one.",
    )
    host: Text | None = Field(default=None, description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None, description="Port; 0: any."
    )
    classifiers: Text | None = Field(
        default=None, description="Folder of the classifiers that are taught."
    )
    token_file: Text | None = Field(
        default=None, description="File of the tokens, one of which a request has to have."
    )
    certificate: Text | None = Field(
        default=None, description="Certificate for TLS, in PEM format."
    )
    key: Text | None = Field(default=None, description="Private key of the certificate.")
    allowed_hosts: Texts = Field(default=(), description="Host names that requests may have.")
    allowed_origins: Texts = Field(default=(), description="Origins of web pages that may ask.")
    proxies: Texts = Field(
        default=(),
        description="IP addresses or networks of proxies whose X-Forwarded headers are believed.",
    )
    grace: NonNegativeFloat | None = Field(
        default=None, description="Seconds to answer what is under way when the service ends."
    )
    reload: bool | None = Field(
        default=None, description="Whether a model is opened again when its run has changed."
    )
    access_log: bool | None = Field(
        default=None, description="Whether a line is written for each request."
    )
    engine: Literal["auto", "litert", "keras"] | None = Field(
        default=None, description="What computes the predictions."
    )
    precision: Literal["float32", "float16", "int8"] | None = Field(
        default=None, description="Which of the run's LiteRT files is used."
    )
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="See below.")


def read_config(path: Path) -> ServeConfig:
    """Return the config in a file.

    Raises:
        UsageError: There is no such file.
        ConfigError: The config is invalid; the message lists every problem.
    """
    source = str(path)
    try:
        with open_regular(path) as file:
            document = yaml.read(file.read(yaml.MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        raise UsageError(f"{printable(source)} can't be read: {reason_of(error)}") from error
    except YamlError as error:
        raise config_error(source, [Problem(error.line, "", error.message)], _HINT) from error
    try:
        return ServeConfig.model_validate(document.value or {})
    except ValidationError as error:
        problems = [problem_at(*each, document.lines) for each in findings(error)]
        raise config_error(source, problems, _HINT) from None


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a service's config."""
    found = ServeConfig.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "title": "An imgrec service",
    }
