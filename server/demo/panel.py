"""A panel for the demo: three on a pancreas case, two of whom have voted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.annotations import actions as forms
from server.annotations.organs import ORGANS
from server.cases import actions as cases
from server.cases.lifecycle import Event
from server.cases.records import Case
from server.demo import cast
from server.demo.cast import DemoPerson
from server.foundation import audit
from server.panel import actions as panels
from server.panel.queries import panel_of
from server.people import actions as people
from server.people.queries import hospitals, person_of_email
from server.people.records import Person

BY: Final = "demo"
ACCESSION_NUMBER: Final = "HIL-2026-0118"
QUESTION: Final = (
    "Adenocarcinoma of the pancreatic head after four cycles of FOLFIRINOX, with contact to the portal "
    "vein. Our board was divided. Is resection with venous reconstruction reasonable now?"
)
INGRID = DemoPerson(
    "Dr Ingrid Holm",
    "ingrid@margin.example",
    "surgeon",
    "Fjord Cancer Centre",
    "pancreatic surgery",
)
TOMAS = DemoPerson(
    "Dr Tomás Rivera", "tomas@margin.example", "surgeon", "Instituto Levante", "HPB surgery"
)
AIKO = DemoPerson(
    "Dr Aiko Mori", "aiko@margin.example", "surgeon", "Bayside University Hospital", "HPB surgery"
)
SAMUEL = DemoPerson(
    "Dr Samuel Adeyemi", "samuel@margin.example", "surgeon", "Savannah Clinic", "pancreatic surgery"
)
# What the two who have voted wrote: examples of the organ's form.
VOTES: Final = ((INGRID, "head-resectable"), (TOMAS, "head-borderline-sma"))


def fill_panel(session: Session, now: datetime) -> bool:
    """Put the panel on its case unless it is there; gives whether it was made."""
    known = select(Case.id).where(Case.accession_number == ACCESSION_NUMBER)
    hospital = next((one for one in hospitals(session) if one.name == cast.HILLCREST.name), None)
    if hospital is None or session.scalar(known) is not None:
        return False
    begun = now - timedelta(days=2)
    case = cases.open_case(
        session,
        organ="pancreas",
        hospital=hospital,
        question=QUESTION,
        local_verdict="Unresectable",
        local_verdict_reason="The board was divided about the venous contact.",
        accession_number=ACCESSION_NUMBER,
        opened_by=BY,
        now=begun,
    )
    # Its images are pushed when the world is whole; they find it by their accession number.
    cases.happen(session, case, Event.STUDY_ATTACHED, now=begun, by=BY)
    cases.declare_records_complete(session, case, case.version, begun, by=BY)
    wanted = panels.Wanted(
        rule_id="majority-3-then-5",
        members=[demo_person(session, one, now) for one in (INGRID, TOMAS, cast.PANCREAS_SURGEON)],
        chair=demo_person(session, cast.LIVER_SURGEON, now),
        standby=[demo_person(session, one, now) for one in (AIKO, SAMUEL)],
        answer_hours=None,
    )
    panels.convene(session, case, wanted, seen_version=case.version, by=BY, now=begun)
    for hours, (member, example) in enumerate(VOTES, start=20):
        _vote(session, case, member, example, begun + timedelta(hours=hours))
    audit.append(
        session,
        actor=BY,
        action="panel.convene",
        object_=f"case {case.number}",
        outcome="done",
        now=now,
        case_number=case.number,
    )
    return True


def demo_person(session: Session, demo: DemoPerson, now: datetime) -> Person:
    """Somebody of the demo, with an account from now on if there was none."""
    known = person_of_email(session, demo.email)
    if known is not None:
        return known
    return people.add_person(
        session,
        name=demo.name,
        email=demo.email,
        role=demo.role,
        centre=demo.centre,
        subspecialty=demo.subspecialty,
        now=now,
    )


def _vote(session: Session, case: Case, member: DemoPerson, example: str, now: datetime) -> None:
    person, panel = demo_person(session, member, now), panel_of(session, case)
    assert panel is not None
    answers: dict[str, Any] = ORGANS[case.organ].examples()[example]
    draft = forms.draft_of(
        session, case.id, case.organ, reviewer_id=person.id, reviewer_name=person.name
    )
    forms.save(session, draft, answers, seen_version=draft.version, now=now)
    signed = forms.sign(
        session,
        draft,
        seen_version=draft.version,
        restated_verdict=answers["verdict"],
        signed_by=person.name,
        now=now,
    )
    panels.cast(session, panel, case, person.id, signed, now)
