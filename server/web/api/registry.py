"""What centres and surgeons have in common: the codes they are told in, volumes, conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from server.access.action import Action
from server.routing.records import ConflictOfInterest, YearlyVolume
from server.routing.vocabulary import titles_of
from server.web.api.endpoint import Endpoint, Given
from server.web.api.fields import Choice, Line, Text, Word, choices
from server.web.visit import Visit

TAG = "Centres and surgeons"
KINDS = ("capability", "operation", "subspecialty", "kind", "language")


class VolumeRead(Given):
    """How often an operation was done in a year, and who says so."""

    operation: Word
    year: int
    count: int
    source: str


class ConflictRead(Given):
    """Whose cases are not to be judged, and why."""

    against: Line
    why: Text


class RegistryWords(Given):
    """The codes that centres, surgeons and what a case calls for are told in."""

    capability: list[Choice]
    operation: list[Choice]
    subspecialty: list[Choice]
    kind: list[Choice]
    language: list[Choice]


def registry_words(_visit: Visit) -> RegistryWords:
    """The codes and what they mean."""
    return RegistryWords(**{one: choices(dict(titles_of(one))) for one in KINDS})


def volumes_read(kept: Sequence[YearlyVolume]) -> list[VolumeRead]:
    """Kept volumes as they are read."""
    return [
        VolumeRead(operation=one.operation, year=one.year, count=one.count, source=one.source)
        for one in kept
    ]


def conflicts_read(kept: Sequence[ConflictOfInterest]) -> list[ConflictRead]:
    """Kept conflicts as they are read."""
    return [ConflictRead(against=_against(one), why=one.why) for one in kept]


def _against(conflict: ConflictOfInterest) -> str:
    parties = (conflict.hospital, conflict.other_centre, conflict.other_person)
    return next(party.name for party in parties if party is not None)


A_VOLUME = VolumeRead(operation="pancreatoduodenectomy", year=2025, count=62, source="Registry")
_WORD = [Choice(value="arterial_reconstruction", label="Arterial reconstruction")]

ENDPOINTS = (
    Endpoint(
        "GET", "/registry-words", registry_words, Action.CENTRES_READ, TAG,
        "The codes of centres, surgeons and needs", RegistryWords,
        RegistryWords(capability=_WORD, operation=_WORD, subspecialty=_WORD, kind=_WORD,
                      language=_WORD),
    ),
)  # fmt: skip
