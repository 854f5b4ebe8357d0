"""Who may not judge a case because they are not independent of where it comes from. Pure.

Requirement 24: "specialist oncologists who have no involvement in your current care" (002 L90).
Requirement 26: the institution that gave the first verdict "may be applying the same institutional
threshold" (000 L62), so it and the hospital that asks are never asked again.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.routing.values import Against, CaseNeeds, Mark, Tie
from server.routing.vocabulary import name_words, same_name, similar_name


class Source:
    """Where a case comes from, prepared once: the hospital that asks and the first verdict's centre."""

    def __init__(self, needs: CaseNeeds) -> None:
        self.hospital_id = needs.hospital_id
        self.hospital = name_words(needs.hospital_name)
        self.hospital_name = needs.hospital_name
        self.first = name_words(needs.first_centre)
        self.first_name = needs.first_centre
        self.on_case = needs.on_case
        self._doubts: dict[str, Mark | None] = {}

    def doubt(self, centre_name: str) -> Mark | None:
        """A name so much like the first centre's or the hospital's that a person should look."""
        if centre_name not in self._doubts:
            self._doubts[centre_name] = self._doubt(centre_name) if centre_name else None
        return self._doubts[centre_name]

    def _doubt(self, centre_name: str) -> Mark | None:
        words = name_words(centre_name)
        for known, name in ((self.first, self.first_name), (self.hospital, self.hospital_name)):
            if known and words != known and similar_name(centre_name, name):
                return ("similar_name", 0.0, (centre_name, name))
        return None


def bars(
    centre_name: str,
    ties: Iterable[Tie],
    conflicts: Iterable[Against],
    source: Source,
    *,
    centre: bool = False,
) -> list[Mark]:
    """Why somebody of this centre, or with these conflicts, is excluded; empty when independent."""
    marks: list[Mark] = []
    words = name_words(centre_name) if centre_name else frozenset()
    if words and words == source.first:
        marks.append(("first_verdict", 0.0, centre_name))
    if words and words == source.hospital:
        marks.append(("hospital_itself", 0.0, centre_name))
    for tie in ties:
        if tie.hospital_id == source.hospital_id:
            marks.append(("tied_to_hospital", 0.0, (centre_name, tie)))
        elif source.first and name_words(tie.name) == source.first:
            marks.append(("tied_to_first", 0.0, (centre_name, tie)))
    marks += [("conflict", 0.0, one) for one in conflicts if _concerns(one, source)]
    return [(f"centre_{code}", points, fact) for code, points, fact in marks] if centre else marks


def _concerns(conflict: Against, source: Source) -> bool:
    if conflict.hospital_id:
        return conflict.hospital_id == source.hospital_id
    if conflict.centre_name:
        return same_name(conflict.centre_name, source.first_name) or same_name(
            conflict.centre_name, source.hospital_name
        )
    return conflict.person_id in source.on_case
