"""The families of broken promises. Rooms name their own facts by subclassing one of these.

A room raises; only `server.web.problems` knows which HTTP status a family means. A message is read by
people outside: it names the thing and the remedy and never says what exists beyond the reader's rights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field.

    `pointer` is a JSON pointer (RFC 6901) into the submitted document, such as
    `/vessels/sma/contact_deg`; `message` is a sentence naming the field and the remedy.
    """

    pointer: str
    message: str


class MarginError(Exception):
    """A broken promise, with what happened, what to do, and facts for the log (never identity)."""

    code: ClassVar[str] = "margin_error"

    def __init__(self, detail: str, *, remedy: str = "", **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.facts = facts
        self.problems: list[FieldProblem] = []

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


class NotFound(MarginError):
    """There is no such thing, or none that this reader may know of."""


class Unauthenticated(MarginError):
    """Nobody is known to be asking: no token, or one that is not good."""


class Refused(MarginError):
    """Somebody known asked for something they may not do."""


class Conflict(MarginError):
    """The thing is not in a state in which this can be done."""


class BadRequest(MarginError):
    """The request cannot be understood."""


class NotAcceptable(MarginError):
    """None of the media types asked for can be given."""


class TooLarge(MarginError):
    """More was sent than is taken."""


class UnsupportedMedia(MarginError):
    """What was sent is of a kind that is not taken here."""


class NotUnderstood(MarginError):
    """The asker speaks a version of a protocol that is not spoken here."""


class Damaged(MarginError):
    """What came is not what was sent: its checksum is another."""


class TooMany(MarginError):
    """More was asked than is answered in a while; the fact `retry_after_s` says when to ask again."""


class NoRoom(MarginError):
    """There is no room left to keep what was sent."""


class Unavailable(MarginError):
    """Something that Margin stands on does not answer."""


class Invalid(MarginError):
    """Values were refused; `problems` says which and why."""

    def __init__(
        self,
        detail: str,
        problems: list[FieldProblem] | None = None,
        *,
        remedy: str = "",
        **facts: object,
    ) -> None:
        super().__init__(detail, remedy=remedy, **facts)
        self.problems = list(problems or [])


def body_of(error: MarginError) -> dict[str, Any]:
    """The one shape of every error, as JSON."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.detail,
        "remedy": error.remedy,
        "problems": [{"pointer": p.pointer, "message": p.message} for p in error.problems],
    }
    if "current" in error.facts:
        body["current"] = error.facts["current"]
    return {"error": body}
