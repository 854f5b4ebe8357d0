"""The patient's size as the records of a case hold it, for the assessment of the images."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.dossier.queries import latest_values
from server.imaging.actions import judge
from server.imaging.queries import CaseImaging, assessment_record, imaging_of
from server.imaging.submission import BodySize

_FIELDS: Final = ("height_cm", "weight_kg")
_SIZE: Final = frozenset({"height", "weight"})


def size_in_records(session: Session, case: Case, on: date) -> BodySize:
    """Height and weight as last noted on or before a day; None for what nobody noted."""
    height, weight = map(latest_values(session, case, on, _FIELDS).get, _FIELDS)
    return BodySize(
        height.value / 100 if height is not None else None,
        weight.value if weight is not None else None,
    )


def imaging_now(session: Session, case: Case, on: date) -> CaseImaging | None:
    """The imaging of a case on a day with all that is known of the patient's size."""
    return imaging_of(session, case.id, case.organ, on, size_in_records(session, case, on))


def size_noted(session: Session, case: Case, now: datetime, quantities: Collection[str]) -> None:
    """These values were noted or withdrawn: where the size is among them and the images were
    assessed, the findings are made anew.
    """
    if _SIZE.intersection(quantities) and assessment_record(session, case.id):
        judge(session, case, now, size_in_records(session, case, now.date()))
