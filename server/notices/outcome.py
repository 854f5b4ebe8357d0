"""How an attempt to deliver ended. Pure values that mail and webhooks share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Delivered:
    """The other side took it."""


@dataclass(frozen=True)
class Postponed:
    """It did not get through, and may later. `away`: the server itself did not answer, so whatever
    else goes there need not try for a moment."""

    why: str
    away: bool = False


@dataclass(frozen=True)
class Undeliverable:
    """It will not get through, however often it is tried. `gone`: nothing else will either."""

    why: str
    gone: bool = False


Outcome = Delivered | Postponed | Undeliverable
