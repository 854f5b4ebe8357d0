"""The key by which Margin seals opinions: the operator's, or one that Margin signs itself for a start.

A seal says that this server issued the document and that not a byte changed since. A self-signed one
says no more than that to whoever knows its fingerprint; a certificate of an authority says who runs
the server.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from server.foundation.errors import Unavailable
from server.foundation.settings import Settings

KEY_BITS: Final = 3072  # as strong as 128 bits: NIST SP 800-57 part 1, table 2
VALID_YEARS: Final = 10
_PKCS12: Final = (".p12", ".pfx")


class SealKeyUnusable(Unavailable):
    """The seal's key or certificate is not there or cannot be read; opinions wait for it."""


@dataclass(frozen=True)
class SealKey:
    """A key with its certificate and chain, each in DER; the key as PKCS#8."""

    key: bytes
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate in hex."""
        return self._read().fingerprint(hashes.SHA256()).hex()

    @property
    def valid_until(self) -> datetime:
        """When the certificate runs out, aware."""
        return self._read().not_valid_after_utc

    @property
    def issued_to(self) -> str:
        """The certificate's subject in words."""
        return self._read().subject.rfc4514_string()

    def _read(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.certificate)


def chosen_seal_key(settings: Settings, now: datetime) -> SealKey:
    """The key of the settings; in the home, one of our own, which is made. Raises SealKeyUnusable."""
    return seal_key_of(
        settings.seal_key,
        settings.seal_cert or None,
        settings.seal_password,
        own=settings.seal_key.is_relative_to(settings.home),
        now=now,
    )


def seal_key_of(
    key: Path, certificate: Path | None, password: str, *, own: bool, now: datetime
) -> SealKey:
    """The key in these files; `own` says that one may be made where the key is missing.

    Raises SealKeyUnusable.
    """
    if own and not key.exists():
        make_seal_key(key, now)
    secret = password.encode() or None
    try:
        if key.suffix.lower() in _PKCS12:
            return _of_pkcs12(key.read_bytes(), secret)
        loaded = serialization.load_pem_private_key(key.read_bytes(), secret)
        found = x509.load_pem_x509_certificates((certificate or key).read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise SealKeyUnusable(
            "The key or the certificate of the seal cannot be used, so no opinion is issued.",
            remedy="Correct MARGIN_SEAL_KEY, MARGIN_SEAL_CERT and MARGIN_SEAL_PASSWORD; opinions wait.",
        ) from error
    return _checked(loaded, found)


def make_seal_key(path: Path, now: datetime, name: str = "Margin") -> bool:
    """Write a new key with a certificate of its own to `path` (0600); False where one was there
    already: a key that sealed anything is never written over.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_new_pem(now, name))
    try:
        # A link is made or refused in one step: of two processes one wins, and both use its key.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _new_pem(now: datetime, name: str) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name}, opinion seal"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * VALID_YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signs_documents(), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _signs_documents() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _of_pkcs12(content: bytes, password: bytes | None) -> SealKey:
    key, certificate, more = pkcs12.load_key_and_certificates(content, password)
    return _checked(key, [*([certificate] if certificate else []), *more])


def _checked(key: object, found: list[x509.Certificate]) -> SealKey:
    """The key with the one certificate that is its own; the others are its chain."""
    if not hasattr(key, "public_key") or not hasattr(key, "private_bytes"):
        raise ValueError("there is no private key")
    public = _public_bytes(key.public_key())
    own = [one for one in found if _public_bytes(one.public_key()) == public]
    if not own:
        raise SealKeyUnusable(
            "The certificate of the seal belongs to another key, so no opinion is issued.",
            remedy="Give MARGIN_SEAL_CERT the certificate of MARGIN_SEAL_KEY.",
        )
    der = serialization.Encoding.DER
    return SealKey(
        key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        own[0].public_bytes(der),
        tuple(one.public_bytes(der) for one in found if one is not own[0]),
    )


def _public_bytes(key: object) -> bytes:
    assert hasattr(key, "public_bytes")
    return bytes(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
