"""Lists that are longer than one answer: each names where it ended, and the next begins there.

A place in a list is kept as the values that sort it, not as a count, so that nothing is told twice or
left out when entries are added meanwhile.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Final

from server.foundation.clock import iso
from server.foundation.errors import FieldProblem
from server.web.api.fitting import RequestRefused
from server.web.bodies import fault_of_text

USUAL: Final = 50
MOST: Final = 200


def mark_of(at: datetime, id_: str) -> str:
    """A place in a list that is sorted by a moment, then by an id."""
    return _written([iso(at), id_])


def mark_of_name(name: str, id_: str) -> str:
    """A place in a list that is sorted by a name, then by an id."""
    return _written([name, id_])


def name_place_of(mark: str) -> tuple[str, str]:
    """The place that `mark_of_name` named; raises RequestRefused for anything else."""
    name, id_ = _read(mark)
    return name, id_


def place_of(mark: str) -> tuple[datetime, str]:
    """The place that `mark_of` named; raises RequestRefused for anything else."""
    at, id_ = _read(mark)
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise _unknown()
        return moment.astimezone(UTC), id_
    except (ValueError, OverflowError):
        raise _unknown() from None


def _written(place: list[str]) -> str:
    text = json.dumps(place, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(mark: str) -> tuple[str, str]:
    try:
        padded = mark + "=" * (-len(mark) % 4)
        first, second = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise _unknown() from None
    texts = isinstance(first, str) and isinstance(second, str)
    if not texts or fault_of_text(first + second):
        raise _unknown()
    return first, second


def _unknown() -> RequestRefused:
    wanted = "Give what the answer before named as “next”."
    return RequestRefused("The place to go on from is not known.", [FieldProblem("/after", wanted)])
