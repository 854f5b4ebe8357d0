"""An invented history for the demo: closed cases of a hospital of that name, so that the figures have
something to count. They lie in the past, stand in no worklist, and have neither images nor documents.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from server.annotations.fields import answer_at
from server.annotations.organs import ORGANS
from server.annotations.queries import signed_revisions
from server.cases import actions as cases
from server.cases.lifecycle import Event
from server.cases.local_category import LOCAL_CATEGORIES, state_local_category
from server.cases.records import Case
from server.demo import cast
from server.demo.cast import DemoPerson
from server.demo.past_panels import fill_past_panels, signed_form
from server.dossier.checklist import of_organ
from server.dossier.requests import Asked, describe_request
from server.figures.actions import catch_up, walk_again
from server.outcomes.actions import choose_findings, enter_outcome
from server.outcomes.entered import Outcome
from server.outcomes.suggested import suggested_findings
from server.people import actions as people
from server.people.queries import hospitals, person_of_email
from server.people.records import Hospital, Person

NAME: Final = "Invented history"
BY: Final = "demo"
SEED: Final = 43
DAY: Final = timedelta(days=1)
QUESTION: Final = "An invented case, for the figures of the demo: can it be resected?"
# How often each form of an organ is used; the verdict is the one that the form's example has.
FORMS: Final[dict[str, int]] = {"pancreas": 26, "liver": 28, "perihilar": 5, "rectum": 5, "lung": 6}
# So much more frequent than each other cancer of the organ: enough for a share of its own.
FREQUENT: Final = {"liver-crlm": 8}
SURGEONS: Final = {"pancreas": cast.PANCREAS_SURGEON}


@dataclass(frozen=True)
class Life:
    """When an invented case was opened, what is in its form, and what the local team had said."""

    organ: str
    example: str
    opened_at: datetime
    local_category: str
    cancer: str = ""


def fill_history(session: Session, now: datetime) -> bool:
    """Invent the history unless it is there; gives whether it was made."""
    if any(one.name == NAME for one in hospitals(session)):
        return False
    hospital = people.register_hospital(session, name=NAME, country="GB", now=now)
    for demo in (cast.COORDINATOR, cast.OTHER_COORDINATOR):
        people.let_coordinate(session, _person(session, demo), hospital)
    chance = random.Random(SEED)  # noqa: S311 - nothing secret is drawn
    lived = []
    for life in sorted(_lives(chance, now), key=lambda one: one.opened_at):
        surgeon = _person(session, SURGEONS.get(life.organ, cast.LIVER_SURGEON))
        lived.append(live(session, hospital, surgeon, life, chance, now))
    fill_past_panels(session, lived)
    return True


def count_again(session: Session, now: datetime) -> None:
    """Make the figures anew: they follow the audit trail, in which an invented past has no lines."""
    walk_again(session, now)
    while catch_up(session, now):
        pass


def _lives(chance: random.Random, now: datetime) -> Iterator[Life]:
    for organ, count in FORMS.items():
        examples = [
            name
            for name, answers in ORGANS[organ].examples().items()
            if not ORGANS[organ].to_sign(answers)
        ]
        cancers = [one.id for one in of_organ(organ)]
        shares = [FREQUENT.get(one, 1) for one in cancers]
        for _ in range(count):
            yield Life(
                organ,
                chance.choice(examples),
                now - chance.uniform(60, 400) * DAY,
                chance.choices(tuple(LOCAL_CATEGORIES), (70, 14, 6, 6, 4))[0],
                chance.choices(cancers, shares)[0],
            )


def live(
    session: Session,
    hospital: Hospital,
    surgeon: Person,
    life: Life,
    chance: random.Random,
    now: datetime,
) -> Case:
    """One case from its opening to its outcome, each step by the action that people use."""
    at = life.opened_at
    case = cases.open_case(
        session,
        organ=life.organ,
        hospital=hospital,
        question=QUESTION,
        local_verdict=LOCAL_CATEGORIES[life.local_category],
        opened_by=BY,
        now=at,
    )
    state_local_category(session, case, life.local_category, by=BY, now=at)
    describe_request(session, case, Asked(cancer=life.cancer), by=BY, now=at)
    for event, days in (
        (Event.STUDY_ATTACHED, 1.0),
        (Event.RECORDS_COMPLETE, 3.0),
        (Event.SURGEON_ASSIGNED, 0.6),
        (Event.REVIEW_BEGUN, 1.2),
    ):
        at += chance.expovariate(1 / days) * DAY
        cases.happen(session, case, event, now=at, by=BY)
    at += chance.lognormvariate(0.9, 0.6) * DAY
    example = ORGANS[life.organ].examples()[life.example]
    verdict = signed_form(session, case, surgeon, example, at).verdict
    cases.happen(session, case, Event.OPINION_SIGNED, now=at, by=surgeon.name)
    cases.happen(session, case, Event.CLOSE, now=at + chance.uniform(0.1, 4) * DAY, by=BY)
    found = suggested_findings(life.local_category, verdict)
    also = [one for one in ("other_approach", "trial") if chance.random() < 0.2]
    choose_findings(session, case, [*found, *also], seen_number=0, by=BY, now=at)
    _outcome(session, case, verdict, chance, at, now)
    return case


def _outcome(
    session: Session,
    case: Case,
    verdict: str,
    chance: random.Random,
    signed_at: datetime,
    now: datetime,
) -> None:
    """Most outcomes are known; who was offered an operation mostly had it."""
    entered_at = min(signed_at + 50 * DAY, now)
    if chance.random() < 0.2:
        return
    offered = verdict in ("resectable_now", "resectable_with_conditions")
    converting = verdict == "conversion_then_reassess"
    converted = chance.choice(("yes", "no", "no")) if converting else "not_tried"
    if chance.random() < (0.85 if offered else 0.9 if converted == "yes" else 0.03):
        outcome = Outcome(
            course="operated",
            operated_on=(signed_at + chance.uniform(10, 40) * DAY).date(),
            place=chance.choice(("referring_hospital", "reviewing_centre", "reviewing_centre")),
            resection_margin=chance.choices(("R0", "R1", "R2"), (78, 18, 4))[0],
            complication_grade=chance.choices(("none", "I", "II", "IIIa"), (50, 20, 20, 10))[0],
            converted=converted,
            vital_status="alive",
            vital_on=entered_at.date(),
            **_measured(session, case, chance),
        )
    else:
        reason = chance.choice(("progression", "unfit", "patients_wish"))
        outcome = Outcome(course="not_operated", not_operated_reason=reason, converted=converted)
    enter_outcome(
        session, case, outcome, seen_number=0, by=BY, entered_as="coordinator", now=entered_at
    )


def _measured(session: Session, case: Case, chance: random.Random) -> dict[str, Any]:
    """A remnant measured after the resection, where the form foresaw one."""
    signed = signed_revisions(session, case.id)
    foreseen = answer_at(signed[-1].answers, ("flr_ml",)) if signed else None
    if not isinstance(foreseen, int | float):
        return {}
    return {
        "flr_after_ml": float(round(foreseen * chance.gauss(1.02, 0.07))),
        "flr_method": "ct_volumetry",
    }


def _person(session: Session, demo: DemoPerson) -> Person:
    found = person_of_email(session, demo.email)
    assert found is not None
    return found
