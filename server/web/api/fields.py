"""Kinds of fields that the API's models share, with their limits and how they are described."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final

from msgspec import Meta

from server.cases.actions import LONGEST_TEXT
from server.web.api.endpoint import Given

Word = Annotated[str, Meta(max_length=64)]
Line = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Said = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Reason = Annotated[str, Meta(min_length=1, max_length=2000, description="Why; kept and shown.")]
Moment = Annotated[datetime, Meta(tz=True, description="A moment in UTC.")]
Day = Annotated[date, Meta(description="A day, YYYY-MM-DD.")]
PartialDay = Annotated[
    str, Meta(max_length=10, description="YYYY, YYYY-MM or YYYY-MM-DD; empty when not known.")
]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Number = Annotated[str, Meta(max_length=20, description="The case's number.")]
Href = Annotated[str, Meta(description="The address of this thing, from the server's root.")]
OfRound = Annotated[
    int,
    Meta(
        ge=1,
        description="The round of the case for which it came: what comes after an opinion is for "
        "the next one.",
    ),
]
Version = Annotated[
    int,
    Meta(
        ge=0,
        le=1_000_000_000,
        description="The version of the case that you saw. If the case changed since, nothing is "
        "done and the answer is 409.",
    ),
]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many entries at most; 50 unless said.")]
After = Annotated[
    str, Meta(max_length=1200, description="Where to go on: `next` of the answer before.")
]
Next = Annotated[
    str | None, Meta(description="Send it as `after` to go on; null where the list ends.")
]

AT: Final = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAY: Final = date(2026, 11, 27)
NUMBER: Final = "M-2026-00042"
AN_ID: Final = "3f2b8c1d9e4a4f7ab0c6d5e8f1a29b37"


class Choice(Given):
    """A value that can be sent, and what it means in words."""

    value: str
    label: str


class Done(Given):
    """The case as it stands after a change."""

    number: Number
    state: Word
    version: int


def choices(known: dict[str, str]) -> list[Choice]:
    """A value set as choices, in its order."""
    return [Choice(value=value, label=label) for value, label in known.items()]
