"""The secret from which a case's pseudonyms are made. Pure."""

from __future__ import annotations

import hmac


def pseudonym_key(secret_key: str, case_id: str) -> bytes:
    """The secret of a case's pseudonyms, 32 bytes. With another MARGIN_SECRET_KEY all pseudonyms are
    others."""
    return hmac.digest(secret_key.encode(), f"pseudonyms\0{case_id}".encode(), "sha256")
