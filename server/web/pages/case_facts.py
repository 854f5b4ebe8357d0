"""Everything about one case, gathered for a page."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from sqlalchemy.orm import Session

from server.annotations.organs import ORGANS
from server.annotations.queries import annotation_of, current
from server.annotations.records import Revision
from server.cases.lifecycle import State
from server.cases.records import Case, CaseStudy
from server.intake.queries import arrivals_of_case
from server.intake.records import Arrival
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.panel.sight import hidden_objects, sight_of
from server.prepared.queries import StudyPreparation, preparations
from server.web.taking_part import own_id, signed_seen
from server.web.visit import CaseView, Visit


@dataclass(frozen=True)
class StudySeen:
    """A study of the case with what arrived of it, or None while it was not noted yet.

    `preparation` is how far its images are prepared for viewing, None before anybody asked.
    """

    study: CaseStudy
    arrival: Arrival | None
    preparation: StudyPreparation | None = None
    hidden: frozenset[str] = frozenset()

    @property
    def of_round(self) -> int:
        """In which round of its case it came; 0 where the case has had one round only."""
        return self.study.round if self.study.case.round > 1 else 0

    @property
    def series(self) -> list[dict[str, Any]]:
        every = self.arrival.series if self.arrival else []
        return [one for one in every if one.get("SeriesInstanceUID") not in self.hidden]


@dataclass(frozen=True)
class ShownArrival:
    """Of an arrival what a page of the case shows without saying whose it is."""

    StudyDate: str
    AccessionNumber: str
    StudyDescription: str
    state: str
    instance_count: int


@dataclass(frozen=True)
class ShownStudy:
    """As `StudySeen`, for who sees no names: the values that the images show."""

    arrival: ShownArrival | None
    series: list[dict[str, Any]]
    preparation: StudyPreparation | None
    of_round: int = 0


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


def studies_seen(session: Session, case: Case, seen_by: str = "") -> list[StudySeen]:
    """The case's studies by study date; those not noted yet come last. `seen_by` is whose own drawings
    are among the series while a panel votes; others' are not."""
    hidden = hidden_objects(session, case.id, seen_by).series
    arrived = {arrival.StudyInstanceUID: arrival for arrival in arrivals_of_case(session, case.id)}
    prepared = preparations(session, [study.StudyInstanceUID for study in case.studies])
    seen = [
        StudySeen(
            study,
            arrived.get(study.StudyInstanceUID),
            prepared.get(study.StudyInstanceUID),
            hidden,
        )
        for study in case.studies
    ]
    return sorted(seen, key=lambda one: one.arrival.StudyDate if one.arrival else "9")


def without_names(seen: StudySeen, view: CaseView) -> ShownStudy:
    """A study as it stands under the case's pseudonyms."""
    arrival, preparation = seen.arrival, seen.preparation
    if preparation is not None:
        unreadable = [
            {**one, "SOPInstanceUID": view.shown(one["SOPInstanceUID"])}
            for one in preparation.unreadable
        ]
        preparation = replace(preparation, unreadable=unreadable)
    if arrival is None:
        return ShownStudy(None, [], preparation, seen.of_round)
    of_study = _as_images_show(
        view,
        StudyDate=arrival.StudyDate,
        AccessionNumber=arrival.AccessionNumber,
        StudyDescription=arrival.StudyDescription,
    )
    shown = ShownArrival(**of_study, state=arrival.state, instance_count=arrival.instance_count)
    series = []
    for one in seen.series:
        known = {name: str(one.get(name) or "") for name in _OF_SERIES}
        series.append({**_as_images_show(view, **known), "instances": one["instances"]})
    return ShownStudy(shown, series, preparation, seen.of_round)


_OF_SERIES = ("Modality", "SeriesNumber", "SeriesDescription")


def _as_images_show(view: CaseView, **attributes: str) -> dict[str, str]:
    """Attributes by their keywords as a reader of the images gets them; empty where they do not."""
    tags = {name: f"{tag_for_keyword(name) or 0:08X}" for name in attributes}
    dataset = {
        tags[name]: {"vr": dictionary_VR(tags[name]), "Value": [text]}
        for name, text in attributes.items()
        if text
    }
    shown = view.json(dataset) or {}
    found = {name: shown.get(tag, {}).get("Value") or [""] for name, tag in tags.items()}
    return {name: "" if values[0] is None else str(values[0]) for name, values in found.items()}


def progress(visit: Visit, person_id: str | None) -> Progress:
    """Where the form of the reviewer stands, or of whoever signed through a link of another name; as
    far as this visitor may see it."""
    session, case = visit.session, visit.case
    revision = None
    if person_id and sight_of(session, case.id, own_id(visit)).shows(person_id, case.round):
        revision = current(annotation_of(session, case.id, person_id))
    if revision is None:
        revision = next(reversed(signed_seen(visit)), None)
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
    preparing = any(one.preparation and one.preparation.under_way for one in studies)
    return receiving or preparing or (opinion is not None and opinion.archived_at is None)


def viewer_address(launch_id: str, case: Case, view: CaseView) -> str | None:
    """Where the viewer shows exactly this case's studies; None while there are none."""
    if not case.studies:
        return None
    uids = ",".join(view.shown(study.StudyInstanceUID) for study in case.studies)
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
        State.REASSESSMENT: 4,
        State.CLOSED: 4,
    }.get(state)
    if reached is None:
        reached = 1 if case.studies else 0
    over = state in (State.OPINED, State.REASSESSMENT, State.CLOSED)
    return [
        Step(label, "done" if index < reached or over else "now" if index == reached else "ahead")
        for index, label in enumerate(labels)
    ]
