"""Who may ask: tokens, host names, origins."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import re
import secrets
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from imgrec.errors import RunError, UsageError
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular, reason_of, write_bytes_atomically
from imgrec.json_documents import from_builtins, parse_json
from imgrec.serve.exchange import Refusal
from imgrec.text import printable

Right = Literal["ask", "manage"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

_PREFIX = "imgrec_"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/@*\s]+)(?::\d+)?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://" + _HOST.pattern)


@dataclass(frozen=True)
class Token:
    """What a token file says of a token: its SHA-256, not itself.

    Args:
        right: `ask` to have photos classified, `manage` for everything.
        sha256: In hexadecimal.
        created: ISO 8601 in UTC.
    """

    right: Right
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    created: str = ""


@dataclass(frozen=True)
class TokenFile:
    """The tokens of a service."""

    tokens: tuple[Token, ...] = ()


def add_token(path: Path, right: Right) -> str:
    """Add a new token to a file, which is created if need be, and return the token.

    Raises:
        RunError: The file can't be read or written.
    """
    there = read_tokens(path).tokens if path.exists() else ()
    token = _PREFIX + secrets.token_urlsafe(32)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    tokens = TokenFile((*there, Token(right, _digest(token), now)))
    write_bytes_atomically(path, json.dumps(asdict(tokens), indent=2).encode() + b"\n")
    path.chmod(0o600)
    return token


def read_tokens(path: Path) -> TokenFile:
    """Return the tokens in a file.

    Raises:
        RunError: It can't be read, or is not a token file.
    """
    place = printable(str(path))
    try:
        return from_builtins(TokenFile, parse_json(read_regular(path, MAX_DOCUMENT_BYTES)))
    except OSError as error:
        raise RunError(
            f"{place}: {reason_of(error)}",
            hint=f"`imgrec token add {printable(shlex.quote(str(path)))} --right ask` makes it",
        ) from error
    except ValueError as error:
        raise RunError(
            f"{place} is not a token file: {printable(str(error))}",
            hint="choose another file; `imgrec token add` makes it if it is missing",
        ) from error


@dataclass(frozen=True)
class Security:
    """Who may ask.

    Args:
        tokens: Those that are valid; None if none is needed.
        anyone_manages: Without tokens, whether everybody may manage models, not only ask.
        hosts: The names by which the service may be addressed, in small letters; empty for any.
        origins: The web pages of other origins that may ask, such as `https://example.org`.
    """

    tokens: tuple[Token, ...] | None = None
    anyone_manages: bool = True
    hosts: Collection[str] = LOOPBACK_NAMES
    origins: Collection[str] = ()

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Check by which name, and from which web page, a request comes.

        Raises:
            Refusal: 421 for another name, 403 for a page of another origin.
        """
        host = headers.get("host", "")
        if self.hosts and _name(host) not in self.hosts:
            raise Refusal(
                421,
                f"the service is not called {printable(host)}",
                hint="imgrec serve --allowed-host NAME allows another name",
            )
        origin = headers.get("origin")
        if origin is None:
            foreign = headers.get("sec-fetch-site") == "cross-site"
        else:
            foreign = origin.partition("://")[2] != host and origin not in self.origins
        if foreign:
            raise Refusal(
                403,
                f"pages of {printable(origin or 'other sites')} may not ask",
                hint="imgrec serve --allow-origin ORIGIN allows them",
            )

    def check_right(self, headers: Mapping[str, str], right: Right) -> None:
        """Check that a request has a token that allows what it asks for.

        Raises:
            Refusal: 401 without a valid token, 403 for one that does not allow it.
        """
        if self.tokens is None:
            if right == "manage" and not self.anyone_manages:
                raise Refusal(
                    403,
                    "nobody may manage models without a token",
                    hint="imgrec serve --token-file FILE",
                )
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        found = self._right_of(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise Refusal(
                401,
                "there is no valid token in the request",
                hint="send the header `Authorization: Bearer TOKEN`",
                headers={"www-authenticate": "Bearer"},
            )
        if right == "manage" != found:
            raise Refusal(
                403,
                "the token does not have the right to manage",
                hint="`imgrec token add FILE --right manage` makes one that has",
            )

    def _right_of(self, token: str) -> Right | None:
        """Return what a token allows, in a time that does not depend on which tokens exist."""
        digest, found = _digest(token), None
        for each in self.tokens or ():
            if hmac.compare_digest(each.sha256, digest):
                found = each.right
        return found


def is_loopback(host: str) -> bool:
    """Return whether an address can only be reached from the same machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_reachable(
    host: str, proxies: Sequence[str], *, token_file: Path | None, insecure: bool
) -> None:
    """Raise UsageError if others could reach a service that asks for no token."""
    if (is_loopback(host) and not proxies) or token_file is not None or insecure:
        return
    reachable = f"--proxy {proxies[0]}" if is_loopback(host) else f"--host {host}"
    raise UsageError(
        f"through {printable(reachable)}, others can reach the service without a token",
        hint="give --token-file FILE (`imgrec token add FILE --right ask` makes it), or "
        "--insecure to let everybody ask",
    )


def host_names(names: Sequence[str]) -> Collection[str]:
    """Return host names in small letters, IPv6 addresses without brackets.

    Raises:
        UsageError: One is not the name of a host.
    """
    found = [
        _name(f"[{each}]" if each.count(":") > 1 and "[" not in each else each) for each in names
    ]
    for given, name in zip(names, found, strict=True):
        if not name or name != given.lower().strip("[]"):
            raise UsageError(
                f"--allowed-host {printable(given)} is not the name of a host",
                hint="give the name alone, such as example.org",
            )
    return found


def check_origins(origins: Sequence[str]) -> None:
    """Raise UsageError if pages can't have one of these origins, or all kinds of pages have it."""
    for each in origins:
        if not _ORIGIN.fullmatch(each):
            raise UsageError(
                f"--allow-origin {printable(each)} is not the origin of a page",
                hint="give the scheme, the name and perhaps the port, such as https://example.org",
            )


def check_proxies(proxies: Sequence[str]) -> None:
    """Raise UsageError if a proxy is not an IP address, or a network of them."""
    for each in proxies:
        try:
            ipaddress.ip_network(each)
        except ValueError as error:
            raise UsageError(
                f"--proxy {printable(each)}: {printable(str(error))}",
                hint="give the IP address from which the proxy connects, such as 10.0.0.1, or a "
                "network such as 10.0.0.0/24",
            ) from None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _name(host: str) -> str:
    """Return the name in a Host header in small letters, without the port; empty if it is none."""
    found = _HOST.fullmatch(host.lower())
    return found[1].strip("[]") if found else ""
