"""Webhook secrets at rest: kept encrypted, because signing needs them in clear.

Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from the server's own secret by HKDF
(RFC 5869). Whoever has the database alone cannot sign in Margin's name; a changed `MARGIN_SECRET_KEY`
makes the kept secrets unreadable, and new ones have to be given.
"""

from __future__ import annotations

import base64
import secrets
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.foundation.errors import Conflict

_PURPOSE: Final = b"margin webhook secrets"
PREFIX: Final = "whsec_"  # Standard Webhooks: how a symmetric secret is written
SECRET_BYTES: Final = 32  # the same: between 24 and 64


class SecretUnreadable(Conflict):
    """A webhook's secret was kept under another key of the server."""


def new_secret() -> str:
    """A fresh secret as the other side is given it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sealed(secret: str, server_secret: str) -> str:
    """The secret as it is kept."""
    return _box(server_secret).encrypt(secret.encode()).decode()


def opened(kept: str, server_secret: str) -> str:
    """The secret in clear; raises SecretUnreadable."""
    try:
        return _box(server_secret).decrypt(kept.encode()).decode()
    except InvalidToken as reason:
        raise SecretUnreadable(
            "This webhook's secret cannot be read any more: the server's own secret was changed.",
            remedy="Remove the webhook, add it again, and give the new secret to the other side.",
        ) from reason


def _box(server_secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return Fernet(base64.urlsafe_b64encode(derived.derive(server_secret.encode())))
