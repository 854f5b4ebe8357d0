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

USUAL: Final = 50
MOST: Final = 200


def mark_of(at: datetime, id_: str) -> str:
    """A place in a list that is sorted by a moment, then by an id."""
    text = json.dumps([iso(at), id_], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(mark: str) -> tuple[datetime, str]:
    """The place that `mark_of` named; raises RequestRefused for anything else."""
    try:
        padded = mark + "=" * (-len(mark) % 4)
        at, id_ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is not None and isinstance(id_, str) and "\x00" not in id_:
            return moment.astimezone(UTC), id_
    except (ValueError, TypeError, RecursionError, OverflowError):
        pass
    wanted = "Give what the answer before named as “next”."
    raise RequestRefused("The place to go on from is not known.", [FieldProblem("/after", wanted)])
