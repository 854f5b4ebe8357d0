"""Passwords and PINs: kept as Argon2 hashes (RFC 9106), and tried a few at a time."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

# A trial takes 64 MiB and all of a processor for a moment. Strangers may ask for as many as there are
# threads; without a bound they would take the memory of those who are at work.
TRIED_AT_ONCE: Final = 4
_hasher = PasswordHasher()
_room = threading.BoundedSemaphore(TRIED_AT_ONCE)


def hashed(secret: str) -> str:
    """What is kept of a password or PIN."""
    return _hasher.hash(secret)


def verifies(kept_hash: str, secret: str) -> bool:
    """Whether `secret` is the one that was kept, in the time that Argon2 takes."""
    with _room:
        try:
            return _hasher.verify(kept_hash, secret)
        except Argon2Error:
            return False
