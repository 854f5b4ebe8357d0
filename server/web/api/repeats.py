"""Idempotency-Key: a creation that is asked for twice happens once and is answered twice alike."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from server.foundation import kept_answers
from server.foundation.errors import BadRequest, Conflict, Invalid
from server.foundation.kept_answers import KeptAnswer

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class IdempotencyKeyUnusable(BadRequest):
    """The key is empty, too long, or holds other characters than visible ASCII."""


class IdempotencyKeyReused(Invalid):
    """The key was used for another request."""


class SecretShownOnce(Conflict):
    """What this request made was answered already, with a secret that is shown once."""


def key_of_request() -> str | None:
    """The key that came with the request; raises IdempotencyKeyUnusable."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    key = sent.strip().strip('"')
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyUnusable(
            "An idempotency key has 1 to 128 visible ASCII characters.",
            remedy="Send a fresh UUID for each thing that is to be made.",
        )
    return key


def kept_under(
    session: Session, actor: str, key: str, body: Any, now: datetime
) -> tuple[KeptAnswer, bool]:
    """The row of the key, and whether the effect is still to be made.

    Raises IdempotencyKeyReused for another body or address, and SecretShownOnce.
    """
    request_sha256 = hash_of(request.method, request.path, body)
    row, is_new = kept_answers.claim(
        session, actor=actor, key=key, request_sha256=request_sha256, now=now
    )
    if is_new:
        return row, True
    if row.request_sha256 != request_sha256:
        raise IdempotencyKeyReused(
            "This idempotency key was sent with another request.",
            remedy="Send a fresh key for each thing that is to be made.",
        )
    if not row.content:
        raise SecretShownOnce(
            "This was made already; its secret was shown once.",
            remedy="Revoke what was made and make another with a fresh key.",
        )
    return row, False


def hash_of(method: str, path: str, body: Any) -> str:
    """What tells two requests apart: method, address and the JSON's values, not its spaces."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{method} {path}\n{canonical}".encode()).hexdigest()
