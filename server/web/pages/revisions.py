"""A case's signed revisions on its pages: what each amendment changed, and the case that came before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.annotations.actions import EarlierCaseRefused, link_earlier_case
from server.annotations.chain import breaks
from server.annotations.changes import Change
from server.annotations.organs import ORGANS
from server.annotations.queries import earlier_link
from server.annotations.records import Annotation, Revision
from server.cases.queries import CaseNotFound, case_by_id, case_by_number
from server.cases.records import Case
from server.foundation.errors import FieldProblem
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.web import shown
from server.web.pages.layout import go
from server.web.prior import changes_of
from server.web.taking_part import annotations_seen
from server.web.visit import Visit


@dataclass(frozen=True)
class RevisionSeen:
    """One revision for a reader: a signed one, or an amendment that is being written."""

    number: int
    signed_at: datetime | None
    signed_by: str
    verdict: str
    amends: int | None
    reason: str
    changes: list[Change]
    opinion: IssuedOpinion | None
    sha256: str
    round: int = 1


@dataclass(frozen=True)
class History:
    """All that was signed on a case, newest first, and whether it still is what was signed."""

    revisions: list[RevisionSeen]
    broken: list[str]
    earlier: Case | None

    @property
    def amended(self) -> bool:
        """Whether there is anything to tell beside the one opinion."""
        return self.rounds > 1 or any(one.amends is not None for one in self.revisions)

    @property
    def rounds(self) -> int:
        """The newest round in which somebody signed or amends."""
        return max((one.round for one in self.revisions), default=1)


def history(visit: Visit) -> History:
    """The revisions of the visited case, in the words that this visitor may see."""
    seen: list[RevisionSeen] = []
    broken: list[str] = []
    issued = {one.revision_id: one for one in opinions_of_case(visit.session, visit.case.id)}
    for annotation in annotations_seen(visit):
        signed = [one for one in annotation.revisions if one.signed_at]
        broken.extend(breaks(annotation.organ, signed))
        told = [one for one in annotation.revisions if one.signed_at or one.amends]
        seen.extend(_seen(visit, annotation, one, issued.get(one.id)) for one in told)
    seen.sort(key=lambda one: (one.signed_at is None, one.signed_at or visit.now), reverse=True)
    link = earlier_link(visit.session, visit.case.id)
    earlier = case_by_id(visit.session, link.earlier_case_id) if link else None
    return History(seen, broken, earlier)


def _seen(
    visit: Visit, annotation: Annotation, revision: Revision, opinion: IssuedOpinion | None
) -> RevisionSeen:
    organ = ORGANS[annotation.organ]
    amends = revision.amends is not None
    return RevisionSeen(
        number=revision.number,
        signed_at=revision.signed_at,
        signed_by=revision.signed_by or annotation.reviewer_name,
        verdict=organ.verdict_label(revision.verdict) if revision.verdict else "",
        amends=revision.amends,
        reason=shown.words(visit, revision.amendment_reason),
        changes=changes_of(visit, revision, veiled=True) if amends else [],
        opinion=opinion if visit.may(Action.OPINION_READ) else None,
        sha256=revision.chain_sha256,
        round=annotation.round,
    )


def link_earlier(visit: Visit) -> Response:
    """Say which earlier case of the same hospital is about the same patient."""
    number = (request.form.get("earlier") or "").strip()
    try:
        earlier = case_by_number(visit.session, number)
    except CaseNotFound:
        earlier = None
    # Another hospital's case is as good as none: nobody learns here that it exists.
    if earlier is None or earlier.hospital_id != visit.case.hospital_id:
        raise EarlierCaseRefused(
            f"There is no earlier case {number[:40]} of this hospital.",
            [FieldProblem("/earlier", "Give the number of an earlier case of the same patient.")],
            remedy="Look for it in the worklist.",
        )
    link_earlier_case(visit.session, visit.case.id, earlier.id, by=visit.actor.text, now=visit.now)
    visit.note(earlier=earlier.number)
    return go(
        f"/cases/{visit.case.number}",
        f"Linked: what was signed on {earlier.number} stands beside each value of this case.",
    )


ROUTES = [Route("/cases/<number>/earlier", link_earlier, Action.CASE_ADVANCE, ("POST",))]
