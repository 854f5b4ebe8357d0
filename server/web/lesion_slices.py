"""How thick the slices are on which targets were measured, by the assessment of the case's imaging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from server.annotations.evidence import EVIDENCE
from server.annotations.slices import Slice, Slices
from server.imaging.facts import SeriesFacts
from server.imaging.queries import facts_of_row, series_rows
from server.imaging.roles import Role

_CROSS_SECTIONAL: Final = frozenset({"CT", "MR"})
_FILMS: Final = frozenset({"CR", "DX"})


def slices_of(session: Session, case_id: str, answers: Mapping[str, Any]) -> Slices:
    """The slices of the series to which values are bound, and of all in which a lesion is measured.

    `answers` name series by the archive's UIDs.
    """
    found = [facts for row in series_rows(session, case_id) if (facts := facts_of_row(row))]
    by_series = {one.SeriesInstanceUID: _slice(one) for one in found}
    bound = {}
    for pointer, entry in (answers.get(EVIDENCE) or {}).items():
        image = entry.get("image") if isinstance(entry, dict) else None
        if isinstance(image, dict):
            bound[pointer] = by_series.get(str(image.get("SeriesInstanceUID")), Slice())
    known = [
        thickness
        for one in found
        if one.role == Role.DIAGNOSTIC and one.modality in _CROSS_SECTIONAL
        if (thickness := by_series[one.SeriesInstanceUID].thickness_mm) is not None
    ]
    return Slices(bound, min(known, default=None), max(known, default=None))


def _slice(facts: SeriesFacts) -> Slice:
    """SliceThickness as the scanner says it, or the step between slices where that is larger: what
    lies in a gap was not seen either."""
    if facts.modality in _FILMS:
        return Slice(chest_film=True)
    steps = (facts.slice_thickness_mm, facts.spacing.spacing_mm)
    return Slice(max((round(step, 2) for step in steps if step), default=None))
