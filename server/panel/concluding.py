"""The chair's conclusion: a form that begins as a vote of the majority, and what is said with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from server.annotations import actions as annotation_actions
from server.annotations.agreement import nearest
from server.annotations.organs import ORGANS
from server.annotations.records import Revision
from server.cases import actions as cases
from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid, Refused
from server.panel.queries import rule_for
from server.panel.records import Panel
from server.people.records import Person

LONGEST_TEXT: Final = 8000


class VotesNotIn(Conflict):
    """The discussion and the conclusion begin when all votes are in."""


class PanelConcluded(Conflict):
    """The chair has concluded."""


class NotTheChair(Refused):
    """Only the chair writes the conclusion."""


def begin_conclusion(session: Session, panel: Panel, case: Case, now: datetime) -> None:
    """The conclusion's form: it begins as the vote of the majority that is nearest to the others."""
    draft = annotation_actions.draft_of(
        session,
        case.id,
        case.organ,
        reviewer_id=panel.id,
        reviewer_name=f"Panel of {case.number}",
    )
    votes = [one for one in panel.votes if one.verdict == panel.majority] or list(panel.votes)
    model = votes[nearest([one.revision.answers for one in votes], ORGANS[case.organ])].revision
    if draft.signed_at is None and draft.saved_at is None:
        annotation_actions.save(
            session,
            draft,
            model.answers,
            seen_version=draft.version,
            now=now,
            options=model.options,
        )


@dataclass(frozen=True)
class Conclusion:
    """What the chair says: the text, the verdict once more, and why it is not the majority's."""

    text: str
    verdict: str
    departure_reason: str = ""


def conclude(
    session: Session,
    panel: Panel,
    case: Case,
    said: Conclusion,
    *,
    chair: Person,
    seen_version: int,
    imaging: list[dict[str, Any]],
    now: datetime,
) -> Revision:
    """Sign the conclusion's form and complete the case. Call it with the case locked.

    Raises VotesNotIn, PanelConcluded, NotTheChair, Invalid, and what signing raises.
    """
    _check_may_conclude(panel, chair)
    problems = _objections(panel, said)
    if problems:
        raise Invalid("The panel was not concluded.", problems)
    draft = conclusion_draft(session, panel, case)
    signed = annotation_actions.sign(
        session,
        draft,
        seen_version=seen_version,
        restated_verdict=said.verdict,
        signed_by=chair.name,
        now=now,
        imaging=imaging,
    )
    panel.state, panel.concluded_at, panel.revision_id = "concluded", now, signed.id
    panel.conclusion = said.text.strip()[:LONGEST_TEXT]
    departs = said.verdict != panel.majority
    panel.departure_reason = said.departure_reason.strip()[:LONGEST_TEXT] if departs else ""
    panel.verdict = said.verdict
    panel.returns_on = rule_for(panel).returns_on_day(said.verdict, now.date())
    cases.complete(session, case, now, by=chair.name)
    session.flush()
    return signed


def _check_may_conclude(panel: Panel, chair: Person) -> None:
    if panel.state == "concluded":
        raise PanelConcluded("This panel is concluded.", remedy="The opinion can be amended.")
    if panel.sealed:
        raise VotesNotIn(
            "The votes are not all in.",
            remedy="Wait for them, or have the coordinator replace who does not vote.",
        )
    if panel.chair_id != chair.id:
        raise NotTheChair("Only the chair concludes.", remedy="Ask the coordinator who it is.")


def _objections(panel: Panel, said: Conclusion) -> list[FieldProblem]:
    problems = []
    if not said.text.strip():
        problems.append(FieldProblem("/text", "Write the conclusion."))
    if said.verdict != panel.majority and not said.departure_reason.strip():
        why = (
            "Say why the verdict is not the majority’s; this is printed."
            if panel.majority
            else "The votes make no majority: say why you conclude so; this is printed."
        )
        problems.append(FieldProblem("/departure_reason", why))
    return problems


def conclusion_draft(session: Session, panel: Panel, case: Case) -> Revision:
    """The form of the conclusion as it stands."""
    return annotation_actions.draft_of(
        session, case.id, case.organ, reviewer_id=panel.id, reviewer_name=f"Panel of {case.number}"
    )
