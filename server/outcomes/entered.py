"""Whether an outcome as somebody typed it can be true. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

from server.foundation.days import WRITE_A_DAY, day_typed
from server.foundation.errors import FieldProblem
from server.outcomes import value_sets

# Bounds against slips of the hand, not of medicine: 15 mL instead of 150, or cubic millimetres.
LEAST_FLR_ML: Final = 50.0
MOST_FLR_ML: Final = 5000.0
LONGEST_NOTE: Final = 4000
LONGEST_NAME: Final = 200

# The value set of each field that takes a code; that of `operation` is the organ's own.
CODED: Final[dict[str, dict[str, str]]] = {
    "course": value_sets.COURSES,
    "place": value_sets.PLACES,
    "resection_margin": value_sets.RESECTION_MARGINS,
    "complication_grade": value_sets.COMPLICATION_GRADES,
    "converted": value_sets.CONVERTED,
    "conversion_therapy": value_sets.CONVERSION_THERAPIES,
    "not_operated_reason": value_sets.NOT_OPERATED_REASONS,
    "vital_status": value_sets.VITAL_STATUSES,
    "flr_method": value_sets.FLR_METHODS,
}
_OF_OPERATION: Final = (
    "operated_on",
    "place",
    "place_name",
    "operation",
    "resection_margin",
    "complication_grade",
    "flr_after_ml",
    "flr_method",
    "flr_measured_on",
)


@dataclass(frozen=True)
class Outcome:
    """An outcome: codes of `value_sets`, days, and the remnant after resection in mL."""

    course: str = ""
    operated_on: date | None = None
    place: str = ""
    place_name: str = ""
    operation: str = ""
    resection_margin: str = ""
    complication_grade: str = ""
    converted: str = ""
    conversion_therapy: str = ""
    not_operated_reason: str = ""
    vital_status: str = ""
    vital_on: date | None = None
    flr_after_ml: float | None = None
    flr_method: str = ""
    flr_measured_on: date | None = None
    next_update_on: date | None = None
    note: str = ""


NAMES: Final = tuple(one.name for one in fields(Outcome))
_DAYS: Final = ("operated_on", "vital_on", "flr_measured_on", "next_update_on")


def read(typed: Mapping[str, str], organ: str) -> tuple[Outcome, list[FieldProblem]]:
    """An outcome from what a form or a program sent, and what of it cannot be read.

    What belongs to an operation is left out where there was none, and the other way round: a form sends
    the fields of both.
    """
    problems: list[FieldProblem] = []
    found: dict[str, object] = {}
    offered = {**CODED, "operation": value_sets.operations(organ)}
    for name in NAMES:
        text = typed.get(name, "").strip()
        if not text:
            continue
        if name in offered and text not in offered[name]:
            problems.append(FieldProblem(f"/{name}", "Choose one of the answers offered."))
        elif name in _DAYS:
            day = day_typed(text)
            found[name] = day
            if day is None:
                problems.append(FieldProblem(f"/{name}", WRITE_A_DAY))
        elif name == "flr_after_ml":
            found[name] = _millilitres(text, problems)
        elif len(text) > (limit := LONGEST_NOTE if name == "note" else LONGEST_NAME):
            problems.append(FieldProblem(f"/{name}", f"At most {limit} characters."))
        else:
            found[name] = text
    for name in _not_asked(found.get("course")):
        found.pop(name, None)
    return Outcome(**found), problems  # type: ignore[arg-type]


def _not_asked(course: object) -> tuple[str, ...]:
    if course == "operated":
        return ("not_operated_reason",)
    return _OF_OPERATION if course == "not_operated" else (*_OF_OPERATION, "not_operated_reason")


def problems_of(outcome: Outcome, opened_on: date, today: date) -> list[FieldProblem]:
    """What contradicts itself or the calendar, in the order of the form; empty when nothing does."""
    return [
        *_unsaid(outcome),
        *_wrong_days(outcome, opened_on, today),
        *_contradictions(outcome),
    ]


def _unsaid(outcome: Outcome) -> Iterator[FieldProblem]:
    if not outcome.course:
        yield FieldProblem("/course", "Say whether the patient was operated on.")
    if outcome.course == "operated" and outcome.operated_on is None:
        yield FieldProblem("/operated_on", "Write the day of the operation.")
    if outcome.course == "not_operated" and not outcome.not_operated_reason:
        yield FieldProblem("/not_operated_reason", "Say why there was no operation.")
    if outcome.not_operated_reason == "other" and not outcome.note:
        yield FieldProblem("/note", "Say in words why there was no operation.")
    if outcome.vital_status in ("alive", "dead") and outcome.vital_on is None:
        words = "died" if outcome.vital_status == "dead" else "was last known to be alive"
        yield FieldProblem("/vital_on", f"Write the day on which the patient {words}.")
    if outcome.vital_on is not None and not outcome.vital_status:
        yield FieldProblem("/vital_status", "Say how the patient was on this day.")
    if outcome.conversion_therapy and not outcome.converted:
        yield FieldProblem("/converted", "Say whether this treatment made the tumour resectable.")
    if outcome.flr_after_ml is not None and not outcome.flr_method:
        yield FieldProblem("/flr_method", "Say how the remnant was measured.")


def _wrong_days(outcome: Outcome, opened_on: date, today: date) -> Iterator[FieldProblem]:
    for name in ("operated_on", "vital_on", "flr_measured_on"):
        day = getattr(outcome, name)
        if day is not None and day > today:
            yield FieldProblem(f"/{name}", "This day lies in the future.")
    if outcome.operated_on is not None and outcome.operated_on < opened_on:
        message = (
            f"The case was opened on {opened_on}: an operation before that is not its outcome."
        )
        yield FieldProblem("/operated_on", message)
    # After an operation the days are held against that one.
    if outcome.vital_on and not outcome.operated_on and outcome.vital_on < opened_on:
        message = f"The case was opened on {opened_on}: an earlier day is not its outcome."
        yield FieldProblem("/vital_on", message)
    if outcome.next_update_on is not None and outcome.next_update_on <= today:
        yield FieldProblem(
            "/next_update_on", "The next update is still to come: choose a later day."
        )


def _contradictions(outcome: Outcome) -> Iterator[FieldProblem]:
    operated, known = outcome.operated_on, outcome.vital_on
    if operated and known and known < operated:
        words = "died" if outcome.vital_status == "dead" else "was last seen"
        yield FieldProblem(
            "/vital_on", f"The patient {words} before the operation; correct one day."
        )
    # Without a day of death the patient's hospital would be asked again what became of them.
    if outcome.complication_grade == value_sets.DEATH and outcome.vital_status != "dead":
        message = "Grade V is the death of the patient, who is not said to be dead; correct one."
        yield FieldProblem("/complication_grade", message)
    if outcome.conversion_therapy and outcome.converted == "not_tried":
        message = "A treatment is named, and none is said to have been given; correct one."
        yield FieldProblem("/conversion_therapy", message)
    measured = outcome.flr_measured_on
    if operated and measured and measured < operated:
        message = "This was measured before the operation; the remnant is what is left after it."
        yield FieldProblem("/flr_measured_on", message)


def _millilitres(text: str, problems: list[FieldProblem]) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if LEAST_FLR_ML <= value <= MOST_FLR_ML:
        return value
    message = f"Write a volume in mL, from {LEAST_FLR_ML:.0f} to {MOST_FLR_ML:.0f}."
    problems.append(FieldProblem("/flr_after_ml", message))
    return None
