"""A signed assessment as everything that is written from it needs it: coded, not in words only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from server.annotations.organs import Organ, organ_named
from server.annotations.queries import revision
from server.annotations.records import Revision
from server.dicom.uids import uid_from
from server.foundation.errors import Invalid
from server.opinions.document import Opinion
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.volumetry.queries import measurement_of


class AssessmentNotSigned(Invalid):
    """Something was to be written from an annotation that nobody has signed."""


@dataclass(frozen=True)
class Predecessor:
    """The structured report of the revision that an amendment replaces."""

    StudyInstanceUID: str
    SeriesInstanceUID: str
    SOPInstanceUID: str


@dataclass(frozen=True)
class Assessment:
    """The signed revision beside the opinion made from it.

    `answers` and `evaluations` are those of the revision, as JSON; `volume_notes` are the remarks on
    each measured SEG by its SOPInstanceUID. `opinion_instance_uid` is the PDF's SOPInstanceUID.
    """

    opinion: Opinion
    organ: Organ
    revision_id: str
    answers: Mapping[str, Any]
    evaluations: tuple[Mapping[str, Any], ...]
    time_point: int = 1
    opinion_instance_uid: str = ""
    volume_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schema_version: int = 1
    chain_sha256: str = ""
    previous_sha256: str = ""
    replaces: Predecessor | None = None

    def __post_init__(self) -> None:
        if self.opinion.draft:
            raise AssessmentNotSigned("Only a signed opinion is written back.")

    @property
    def report_series_uid(self) -> str:
        """SeriesInstanceUID of the structured report: the same whenever it is written."""
        return report_uids(self.revision_id)[0]

    @property
    def report_instance_uid(self) -> str:
        """SOPInstanceUID of the structured report: the same whenever it is written."""
        return report_uids(self.revision_id)[1]


def report_uids(revision_id: str) -> tuple[str, str]:
    """SeriesInstanceUID and SOPInstanceUID of the structured report of a revision."""
    return (
        uid_from("assessment report series", revision_id),
        uid_from("assessment report instance", revision_id),
    )


def assessment_of(session: Session, kept: IssuedOpinion) -> Assessment:
    """The signed assessment behind an issued opinion."""
    opinion = from_stored(kept.content)
    signed = revision(session, kept.revision_id)
    notes = {}
    for volume in opinion.volumes:
        measured = measurement_of(session, volume.SOPInstanceUID) if volume.SOPInstanceUID else None
        if measured is not None:
            notes[volume.SOPInstanceUID] = tuple(measured.result.get("notes", ()))
    return Assessment(
        opinion=opinion,
        organ=organ_named(signed.annotation.organ),
        revision_id=signed.id,
        answers=signed.answers,
        evaluations=tuple(signed.evaluations),
        time_point=signed.annotation.time_point,
        opinion_instance_uid=kept.SOPInstanceUID,
        volume_notes=notes,
        schema_version=signed.schema_version,
        chain_sha256=signed.chain_sha256,
        previous_sha256=signed.previous_sha256,
        replaces=_replaced(session, kept, signed),
    )


def _replaced(session: Session, kept: IssuedOpinion, signed: Revision) -> Predecessor | None:
    """The report of the amended revision, where that one was issued into a study."""
    if signed.amends is None:
        return None
    for opinion in opinions_of_case(session, kept.case_id):
        before = revision(session, opinion.revision_id)
        same = before.annotation_id == signed.annotation_id and before.number == signed.amends
        if same and opinion.StudyInstanceUID:
            return Predecessor(opinion.StudyInstanceUID, *report_uids(before.id))
    return None


def source_and_options(organ: Organ, said: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Where the ruleset of an evaluation was published, and the options that were in force; empty
    for what this version no longer has and the evaluation does not say itself.
    """
    for ruleset in organ.rulesets:
        if ruleset.id == said["ruleset"]:
            return ruleset.source, dict(said.get("options") or ruleset.chosen({}))
    return "", dict(said.get("options") or {})
