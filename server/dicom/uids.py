"""Unique identifiers: making new ones, making the same one again, telling a proper one from text.

Every UID Margin makes hangs below 2.25 and is the decimal form of a UUID (PS3.5 Annex B.2), so no
registered root is needed and no two installations collide.
"""

from __future__ import annotations

import re
import uuid
from typing import Final

# The namespace of repeatable UIDs. Changing it changes every one of them.
_NAMES: Final = uuid.UUID("6f0d3a52-3b0a-5c43-9d0e-5c9b5a3c7f11")

IMPLEMENTATION_CLASS_UID: Final = f"2.25.{uuid.uuid5(_NAMES, 'implementation class').int}"
IMPLEMENTATION_VERSION_NAME: Final = "MARGIN_1"  # at most 16 characters, PS3.7 D.3.3.2.3

# Keeps ("a", "b") apart from ("ab",).
_SEPARATOR: Final = "\x1f"

# PS3.5 9.1 also forbids leading zeros in a component; older scanners write them all the same, and a
# study is not turned away for that.
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_MAX_LENGTH: Final = 64  # PS3.5 9.1


def new_uid() -> str:
    """A UID that has never been used before, from a random UUID."""
    return f"2.25.{uuid.uuid4().int}"


def uid_from(*names: str) -> str:
    """The one UID that belongs to these names, in this order; the same names give the same UID.

    Storing something a second time under a UID made this way replaces nothing and adds nothing.
    """
    if not names:
        raise ValueError("a repeatable UID needs at least one name")
    return f"2.25.{uuid.uuid5(_NAMES, _SEPARATOR.join(names)).int}"


def is_uid(text: object) -> bool:
    """Whether this is a UID: 3 to 64 characters, two or more non-empty numeric components.

    Anything that passes is safe inside a URL path or a file name.
    """
    return isinstance(text, str) and len(text) <= _MAX_LENGTH and bool(_UID.fullmatch(text))
