"""What one person may see of the others' work on a case. The one place that says so.

While a panel votes nobody sees another's vote or draft, nor what another wrote beside the images: not the
members, not the chair, not observers, not coordinators. Every door that shows annotations, volumes or
written objects asks here first (tests/panel/test_blinding.py walks all of them).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.annotations.queries import annotations_of_case, prior_revisions, signed_revisions
from server.annotations.records import Annotation, Revision
from server.cases.records import Case
from server.panel.records import Panel, WrittenObject
from server.volumetry.queries import volumes_of_case
from server.volumetry.records import VolumeMeasurement


@dataclass(frozen=True)
class Hidden:
    """Objects beside the images that somebody else wrote while votes are under way."""

    instances: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()


NOTHING_HIDDEN = Hidden()


@dataclass(frozen=True)
class Sight:
    """How far one person sees. `sealed_rounds` are the rounds of the case in which votes are under way."""

    reviewer_id: str
    sealed_rounds: frozenset[int] = frozenset()

    @property
    def sealed(self) -> bool:
        return bool(self.sealed_rounds)

    def shows(self, author_id: str, case_round: int) -> bool:
        """Whether what this author made in that round is shown."""
        return author_id == self.reviewer_id or case_round not in self.sealed_rounds

    def of(self, annotations: Iterable[Annotation]) -> list[Annotation]:
        """The annotations that are shown."""
        return [one for one in annotations if self.shows(one.reviewer_id, one.round)]


def sight_of(session: Session, case_id: str, reviewer_id: str) -> Sight:
    """How far somebody sees in a case; `reviewer_id` is whose own work it is (see Annotation)."""
    rounds = session.scalars(
        select(Panel.case_round).where(Panel.case_id == case_id, Panel.state == "voting")
    )
    return Sight(reviewer_id, frozenset(rounds))


def visible_annotations(session: Session, case_id: str, reviewer_id: str) -> list[Annotation]:
    """The annotations of a case that somebody may see."""
    sight = sight_of(session, case_id, reviewer_id)
    return sight.of(annotations_of_case(session, case_id))


def visible_signed(session: Session, case_id: str, reviewer_id: str) -> list[Revision]:
    """The signed revisions of a case that somebody may see, oldest first."""
    sight = sight_of(session, case_id, reviewer_id)
    return [
        one
        for one in signed_revisions(session, case_id)
        if sight.shows(one.annotation.reviewer_id, one.annotation.round)
    ]


def visible_priors(session: Session, case_id: str, organ: str, reviewer_id: str) -> list[Revision]:
    """The earlier time points of the patient that somebody may see, newest first."""
    found = []
    for one in prior_revisions(session, case_id, organ, reviewer_id=reviewer_id):
        annotation = one.annotation
        sight = sight_of(session, annotation.case_id, reviewer_id)
        if sight.shows(annotation.reviewer_id, annotation.round):
            found.append(one)
    return found


def hidden_objects(session: Session, case_id: str, reviewer_id: str) -> Hidden:
    """What others wrote beside the images of a case and may not be seen yet."""
    sight = sight_of(session, case_id, reviewer_id)
    if not sight.sealed:
        return NOTHING_HIDDEN
    found = session.scalars(
        select(WrittenObject).where(
            WrittenObject.case_id == case_id,
            WrittenObject.author_id != reviewer_id,
            WrittenObject.case_round.in_(sight.sealed_rounds),
        )
    ).all()
    return Hidden(
        frozenset(one.SOPInstanceUID for one in found),
        frozenset(one.SeriesInstanceUID for one in found),
    )


def visible_volumes(session: Session, case_id: str, reviewer_id: str) -> list[VolumeMeasurement]:
    """The measurements of a case that somebody may see, newest first."""
    hidden = hidden_objects(session, case_id, reviewer_id).instances
    return [one for one in volumes_of_case(session, case_id) if one.SOPInstanceUID not in hidden]


def is_sealed(session: Session, case: Case) -> bool:
    """Whether votes on this case are under way."""
    return sight_of(session, case.id, "").sealed
