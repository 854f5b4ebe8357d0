"""What follows an opinion as a door does it: reassessment, its rounds, the assessment in person.

The pages and the API both come through here, so that nothing is noted or told by the one and not by
the other. What is refused leaves nothing behind: a page can show its form again.
"""

from __future__ import annotations

from server.cases.aftercare import actions, in_person_actions
from server.cases.aftercare.actions import Planned
from server.cases.aftercare.in_person_actions import Noted, Wanted
from server.cases.aftercare.queries import assessment
from server.cases.aftercare.records import InPersonAssessment, ReassessmentPlan
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.web import telling_after
from server.web.visit import Visit


def newest_opinion(visit: Visit) -> IssuedOpinion | None:
    """The opinion of the round that the case is in, or of the one before it."""
    return next(iter(opinions_of_case(visit.session, visit.case.id)), None)


def plan_reassessment(visit: Visit, planned: Planned, seen_version: int) -> ReassessmentPlan:
    """Keep when the case is looked at again. Raises Invalid, Conflict."""
    with visit.attempt():
        kept = actions.plan_reassessment(
            visit.session,
            visit.case,
            planned,
            seen_version=seen_version,
            by=visit.actor.text,
            now=visit.now,
        )
    visit.note(due_on=kept.due_on.isoformat(), cycles=kept.cycles or 0)
    return kept


def cancel_reassessment(visit: Visit, why: str, seen_version: int) -> None:
    """Give the planned reassessment up. Raises Invalid, Conflict."""
    with visit.attempt():
        actions.cancel_reassessment(
            visit.session,
            visit.case,
            why=why,
            seen_version=seen_version,
            by=visit.actor.text,
            now=visit.now,
        )


def begin_round(visit: Visit, seen_version: int) -> None:
    """Begin the next round now, without waiting for images. Raises Conflict."""
    with visit.attempt():
        actions.begin_round(
            visit.session,
            visit.case,
            seen_version=seen_version,
            by=visit.actor.text,
            now=visit.now,
        )
    visit.note(round=visit.case.round)


def give_up_round(visit: Visit, why: str, seen_version: int) -> None:
    """Take back a round that was begun by mistake; the opinion stands. Raises Invalid, Conflict."""
    with visit.attempt():
        actions.give_up_round(
            visit.session,
            visit.case,
            why=why,
            seen_version=seen_version,
            by=visit.actor.text,
            now=visit.now,
        )
    visit.note(why=why)


def request_in_person(visit: Visit, wanted: Wanted) -> InPersonAssessment:
    """Ask that the team which would operate sees the patient. Raises Invalid, Conflict."""
    with visit.attempt():
        made = in_person_actions.request(
            visit.session, visit.case, wanted, by=visit.actor.text, now=visit.now
        )
    telling_after.in_person(visit, made)
    return made


def note_in_person(
    visit: Visit, assessment_id: str, noted: Noted, seen_version: int
) -> InPersonAssessment:
    """Note how the assessment in person stands now. Raises AssessmentNotFound, Invalid, Conflict."""
    asked = assessment(visit.session, visit.case.id, assessment_id)
    with visit.attempt():
        in_person_actions.note(
            visit.session,
            visit.case,
            asked,
            noted,
            seen_version=seen_version,
            by=visit.actor.text,
            now=visit.now,
        )
    visit.note(standing=asked.state)
    telling_after.in_person(visit, asked)
    return asked
