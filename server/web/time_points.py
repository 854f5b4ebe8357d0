"""What an opinion says of the time point before: which opinion it follows, and every finding that moved."""

from __future__ import annotations

from sqlalchemy.orm import Session

from server.annotations.changes import Change, category_changes, changes
from server.annotations.decision import Answers
from server.annotations.organs import ORGANS
from server.annotations.organs.organ import Chosen
from server.annotations.records import Revision
from server.cases.queries import case_by_id
from server.cases.records import Case
from server.opinions.document import Row, Section
from server.opinions.gathered import COMPARED_TITLE
from server.opinions.queries import opinion_of_revision
from server.panel.sight import visible_priors


def compared_section(
    session: Session, case: Case, answers: Answers, options: Chosen | None, seen_by: str
) -> list[Section]:
    """The section of an opinion that follows another of the patient; empty for the first one."""
    earlier = visible_priors(session, case.id, case.organ, seen_by)
    if not earlier:
        return []
    before = earlier[0]
    moved = moved_since(case.organ, before, answers, options)
    rows = [Row(_where(one), one.after, f"before: {one.before}") for one in moved]
    nothing = Row("Findings", "Every structured finding is as it was.")
    return [Section(COMPARED_TITLE, (_follows(session, case, before), *(rows or [nothing])))]


def moved_since(
    organ_id: str, before: Revision, answers: Answers, options: Chosen | None
) -> list[Change]:
    """Every structured finding, and every computed category, that differs from a signature before."""
    organ = ORGANS[organ_id]
    return [
        *changes(organ, before.answers, answers),
        *category_changes(before.evaluations, organ.evaluated(answers, options)),
    ]


def _where(change: Change) -> str:
    return f"{change.place}: {change.label}" if change.place else change.label


def _follows(session: Session, case: Case, before: Revision) -> Row:
    was = before.annotation
    issued = opinion_of_revision(session, before.id)
    number = issued.number if issued else ""
    where = "" if was.case_id == case.id else f" of case {case_by_id(session, was.case_id).number}"
    day = before.signed_at.date().isoformat() if before.signed_at else ""
    verdict = ORGANS[was.organ].verdict_label(before.verdict) if before.verdict else ""
    return Row(
        "Follows",
        f"Opinion {number}{where}" if number else f"The assessment of round {was.round}{where}",
        f"{day}, {before.signed_by}: {verdict}",
    )
