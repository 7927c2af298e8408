"""The certificate with which the service encrypts."""

from __future__ import annotations

import ssl
from pathlib import Path

from imgrec.errors import RunError, UsageError
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular, reason_of
from imgrec.text import printable


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return a context that encrypts with a certificate; None without files.

    Raises:
        UsageError: One of the files is missing among the options.
        RunError: They can't be used.
    """
    if (certificate is None) is not (key is None):
        raise UsageError("--certificate and --key go together", hint="give both files, or none")
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_certificate(context, certificate, key)
    return context


def load_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have a context encrypt with a certificate from the next connection on.

    Raises:
        RunError: The files can't be used; the context is as it was.
    """
    names = printable(str(certificate)), printable(str(key))
    for file, name in zip((certificate, key), names, strict=True):
        try:
            read_regular(file, MAX_DOCUMENT_BYTES)
        except OSError as error:
            raise RunError(f"{name}: {reason_of(error)}") from error
    try:
        # A certificate that fails is left without a key: another context has to find out.
        for each in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            each.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:  # SSLError
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise RunError(f"{names[1]} is not the key of {names[0]}") from error
        raise RunError(
            f"{names[0]} and {names[1]} can't be used for TLS",
            hint="they have to be in PEM format, and the key without a password",
        ) from error


def _no_password() -> str:
    """Keep OpenSSL from asking for the password of a key."""
    return ""
