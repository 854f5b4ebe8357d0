"""Whose things a caller of the API may know of, where the address speaks of no case."""

from __future__ import annotations

from server.access.permissions import Account, Program
from server.web.visit import Visit


def hospitals_of(visit: Visit) -> frozenset[str] | None:
    """The ids of the hospitals that are the caller's; None means every hospital."""
    actor = visit.actor
    if isinstance(actor, Program):
        return frozenset({actor.hospital_id}) if actor.hospital_id is not None else None
    return actor.hospital_ids if isinstance(actor, Account) else frozenset()
