"""The proxy's certificate: the operator's, or one that Margin signs itself.

One of our own is there so that HTTP/2 works at once on one machine and in a closed network; browsers
warn of it, as they should. It is made by the program `openssl`, kept in the home with its key (0600)
and made anew at a start when it runs out soon or other names are wanted.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from server.foundation.errors import Invalid, Unavailable
from server.foundation.settings import Settings, visitable

OWN_ISSUER = "Margin, signed by itself"
VALID_DAYS = 397
RENEWED_BEFORE_S = 60 * 24 * 3600


class CertificateMissing(Invalid):
    """The settings name a certificate or a key that is not there."""


class CertificateNotMade(Unavailable):
    """The program `openssl` is missing or refused."""


def ensure_certificate(settings: Settings) -> None:
    """See to it that the proxy has a certificate and its key.

    Raises CertificateMissing when the settings name files outside the home that cannot be read, or
    only one of the two; CertificateNotMade when one of our own cannot be made.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    there = [path for path in (certificate, key) if path.is_file()]
    if len(there) == 2 and not _is_own(certificate):
        return
    names = names_of(settings)
    if len(there) == 2 and not _runs_out(certificate) and _names_in(certificate) == names:
        return
    is_ours = certificate.is_relative_to(settings.home) and key.is_relative_to(settings.home)
    if not is_ours or (there and not _is_own(certificate)):
        missing = next((path for path in (certificate, key) if path not in there), certificate)
        raise CertificateMissing(
            f"The proxy's certificate needs {missing}, which is not there",
            remedy="Give MARGIN_TLS_CERTIFICATE and MARGIN_TLS_KEY, or leave both out: then one is "
            "made for this machine.",
        )
    _make(certificate, key, names)


def names_of(settings: Settings) -> frozenset[str]:
    """Under which names and addresses people on this machine or network reach the proxy."""
    public = urlsplit(settings.public_url).hostname or ""
    listened = visitable(settings.host)
    return frozenset({public, listened, "localhost", "127.0.0.1", "::1", _this_machine()} - {""})


def _this_machine() -> str:
    name = socket.gethostname()
    return name if name.isascii() and len(name) <= 63 else ""


def _make(certificate: Path, key: Path, names: frozenset[str]) -> None:
    for path in (certificate, key):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    drafts = [path.with_name(f".{path.name}.new") for path in (certificate, key)]
    for draft in drafts:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", str(VALID_DAYS), "-subj", f"/O={OWN_ISSUER}/CN=Margin"),
        *("-addext", f"subjectAltName={_alternatives(names)}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "extendedKeyUsage=serverAuth"),
        *("-out", str(drafts[0]), "-keyout", str(drafts[1])),
    )
    # The key first: a certificate beside a key of another one would be refused.
    drafts[1].replace(key)
    drafts[0].replace(certificate)


def _alternatives(names: Iterable[str]) -> str:
    return ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in sorted(names))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_own(certificate: Path) -> bool:
    return certificate.is_file() and OWN_ISSUER in _shown(certificate, "-issuer")


def _runs_out(certificate: Path) -> bool:
    return "will expire" in _shown(certificate, "-checkend", str(RENEWED_BEFORE_S))


def _names_in(certificate: Path) -> frozenset[str]:
    """The alternative names, with addresses in their shortest form."""
    entries = _shown(certificate, "-ext", "subjectAltName").replace("\n", ",").split(",")
    pairs = [entry.strip().partition(":") for entry in entries]
    found = {value for kind, _, value in pairs if kind == "DNS"}
    return frozenset(
        found | {str(ip_address(value)) for kind, _, value in pairs if kind == "IP Address"}
    )


def _shown(certificate: Path, *what: str) -> str:
    command = ["openssl", "x509", "-in", str(certificate), "-noout", *what]
    # `-checkend` answers by the exit code as well as in words.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise CertificateNotMade(
            "openssl is not installed, and the proxy has no certificate",
            remedy="Run `make install`, or give MARGIN_TLS_CERTIFICATE and MARGIN_TLS_KEY.",
        )
    command = [program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CertificateNotMade(
            f"openssl could not make a certificate: {done.stderr.strip()[-300:]}",
            remedy="Give MARGIN_TLS_CERTIFICATE and MARGIN_TLS_KEY.",
        )
