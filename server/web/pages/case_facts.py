"""Everything about one case, gathered for a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.annotations.organs import ORGANS
from server.annotations.queries import annotation_of, current, signed_revisions
from server.annotations.records import Revision
from server.cases.lifecycle import State
from server.cases.records import Case, CaseStudy
from server.intake.queries import arrivals_of_case
from server.intake.records import Arrival
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.volumetry.queries import volumes_of_case
from server.volumetry.records import VolumeMeasurement


@dataclass(frozen=True)
class StudySeen:
    """A study of the case with what arrived of it, or None while it was not noted yet."""

    study: CaseStudy
    arrival: Arrival | None

    @property
    def series(self) -> list[dict[str, Any]]:
        return self.arrival.series if self.arrival else []


@dataclass(frozen=True)
class Progress:
    """How far a reviewer's form is. `unanswered` says what still stops the signature."""

    revision: Revision | None
    unanswered: list[str] = field(default_factory=list)
    verdict: str = ""

    @property
    def begun(self) -> bool:
        return self.revision is not None and self.revision.saved_at is not None

    @property
    def signed_at(self) -> datetime | None:
        return self.revision.signed_at if self.revision else None


def studies_seen(session: Session, case: Case) -> list[StudySeen]:
    """The case's studies by study date; those not noted yet come last."""
    arrived = {arrival.StudyInstanceUID: arrival for arrival in arrivals_of_case(session, case.id)}
    seen = [StudySeen(study, arrived.get(study.StudyInstanceUID)) for study in case.studies]
    return sorted(seen, key=lambda one: one.arrival.StudyDate if one.arrival else "9")


def progress(session: Session, case: Case, person_id: str | None) -> Progress:
    """Where the form of the reviewer stands, or of whoever signed through a link of another name."""
    revision = current(annotation_of(session, case.id, person_id)) if person_id else None
    if revision is None:
        revision = next(reversed(signed_revisions(session, case.id)), None)
    organ = ORGANS.get(case.organ)
    if revision is None or organ is None:
        return Progress(revision)
    verdict = revision.verdict or organ.verdict(revision.answers) or ""
    missing = [] if revision.signed_at else [one.message for one in organ.to_sign(revision.answers)]
    return Progress(revision, missing, organ.verdict_label(verdict) if verdict else "")


def opinion_of(session: Session, case: Case) -> IssuedOpinion | None:
    """The newest opinion of the case, issued or still being made."""
    return next(iter(opinions_of_case(session, case.id)), None)


def is_pending(studies: list[StudySeen], opinion: IssuedOpinion | None) -> bool:
    """Whether something of the case is about to change by itself, so that looking again pays."""
    receiving = any(one.arrival is None or one.arrival.settled_at is None for one in studies)
    return receiving or (opinion is not None and opinion.archived_at is None)


def volumes_of(session: Session, case: Case) -> list[VolumeMeasurement]:
    """What was measured from segmentations, newest first."""
    return volumes_of_case(session, case.id)


def viewer_address(launch_id: str, case: Case) -> str | None:
    """Where the viewer shows exactly this case's studies; None while there are none."""
    if not case.studies:
        return None
    uids = ",".join(study.StudyInstanceUID for study in case.studies)
    return f"/r/{launch_id}/view/margin?StudyInstanceUIDs={uids}"


@dataclass(frozen=True)
class Step:
    """One station on a case's way. `standing` is done, now or ahead."""

    label: str
    standing: str


def way(case: Case) -> list[Step]:
    """The case's way from question to opinion, for the line of steps."""
    labels = [
        "Case opened",
        "Records received",
        "Records complete",
        "With a surgeon",
        "Opinion issued",
    ]
    state = State(case.state)
    reached = {
        State.OPEN: 0,
        State.AWAITING_RECORDS: 1,
        State.READY: 2,
        State.ASSIGNED: 3,
        State.IN_REVIEW: 3,
        State.OPINED: 4,
        State.CLOSED: 4,
    }.get(state)
    if reached is None:
        reached = 1 if case.studies else 0
    over = state in (State.OPINED, State.CLOSED)
    return [
        Step(label, "done" if index < reached or over else "now" if index == reached else "ahead")
        for index, label in enumerate(labels)
    ]
