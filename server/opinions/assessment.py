"""A signed assessment as everything that is written from it needs it: coded, not in words only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from server.annotations.organs import Organ, organ_named
from server.annotations.queries import revision
from server.dicom.uids import uid_from
from server.foundation.errors import Invalid
from server.opinions.document import Opinion
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.volumetry.queries import measurement_of


class AssessmentNotSigned(Invalid):
    """Something was to be written from an annotation that nobody has signed."""


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

    def __post_init__(self) -> None:
        if self.opinion.draft:
            raise AssessmentNotSigned("Only a signed opinion is written back.")

    @property
    def report_series_uid(self) -> str:
        """SeriesInstanceUID of the structured report: the same whenever it is written."""
        return uid_from("assessment report series", self.revision_id)

    @property
    def report_instance_uid(self) -> str:
        """SOPInstanceUID of the structured report: the same whenever it is written."""
        return uid_from("assessment report instance", self.revision_id)


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
    )


def source_and_options(organ: Organ, ruleset_id: str) -> tuple[str, dict[str, str]]:
    """Where a ruleset was published, and its options as they are in force for a signature; both
    empty for a ruleset that this version no longer has.
    """
    for ruleset in organ.rulesets:
        if ruleset.id == ruleset_id:
            return ruleset.source, ruleset.chosen({})
    return "", {}
