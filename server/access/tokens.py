"""Secrets: made from the system's random source, shown once, compared by hash."""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX = "mgn_"  # fixed, so that a secret scanner finds a token that was leaked
_TOKEN = re.compile(r"mgn_[A-Za-z0-9_-]{43}")
KEY_PREFIX = "mgp_"  # of a program's key, for the same reason
_KEY = re.compile(r"mgp_[A-Za-z0-9_-]{43}")
KEY_SHOWN = len(KEY_PREFIX) + 6


def new_token() -> str:
    """An access token: `mgn_` and 256 random bits in 43 URL-safe characters."""
    return PREFIX + secrets.token_urlsafe(32)


def new_key() -> str:
    """A program's key: `mgp_` and 256 random bits in 43 URL-safe characters."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def looks_like_key(text: str) -> bool:
    """Whether `text` has the shape of a program's key."""
    return _KEY.fullmatch(text) is not None


def new_secret() -> str:
    """The secret half of a cookie: 256 random bits."""
    return secrets.token_urlsafe(32)


def new_launch_id() -> str:
    """The public half of a visit, as it stands in the address: 80 random bits."""
    return secrets.token_hex(10)


def sha256(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def looks_like_token(text: str) -> bool:
    """Whether `text` has the shape of an access token."""
    return _TOKEN.fullmatch(text) is not None


def same(kept_sha256: str, secret: str) -> bool:
    """Whether `secret` is the one that was kept, in constant time."""
    return secrets.compare_digest(kept_sha256, sha256(secret))
