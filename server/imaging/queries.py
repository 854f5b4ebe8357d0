"""Reading what is known of the imaging of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.foundation.errors import NotFound
from server.imaging.assessing import TOO_OLD, Assessment, assess
from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, Verdict
from server.imaging.phase import Phase
from server.imaging.protocols import Protocol, protocol_named, protocols_of
from server.imaging.records import (
    AssessedSeries,
    FindingWaiver,
    HospitalReturn,
    ImagingAssessment,
)
from server.imaging.stored import from_json
from server.imaging.submission import NOT_GIVEN, BodySize

FALLBACK = "abdomen-ct"  # for an organ that names no protocol of its own


class SeriesNotAssessed(NotFound):
    """The case has no such series, or it was not assessed yet."""


class FindingNotThere(NotFound):
    """The case's imaging has no such finding now."""


class ReturnNotFound(NotFound):
    """The case was not returned to the hospital under this id."""


@dataclass(frozen=True)
class CaseImaging:
    """The imaging of a case on one day.

    `rows` are the records of the series by SeriesInstanceUID, `waivers` the valid ones by the key of
    their finding. `pixels_pending` says that only headers were read so far.
    """

    assessment: Assessment
    verdict: Verdict
    rows: Mapping[str, AssessedSeries]
    waivers: Mapping[str, FindingWaiver]
    assessed_at: datetime
    pixels_pending: bool
    returns: tuple[HospitalReturn, ...] = field(default=())

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """What counts: findings that nobody waived."""
        return tuple(one for one in self.assessment.findings if one.key not in self.waivers)

    @property
    def limits(self) -> tuple[Finding, ...]:
        """What a reader of the images has to know: what limits or blocks, waived or not."""
        return tuple(one for one in self.assessment.findings if one.severity >= Severity.LIMITING)

    @property
    def too_old(self) -> Finding | None:
        """Why no definitive verdict may be given: the images' age, known to be too
        high or not known, not overridden by a person."""
        return next((one for one in self.open_findings if one.id in TOO_OLD), None)

    def finding(self, key: str) -> Finding:
        """The finding of that key; raises FindingNotThere."""
        for one in self.assessment.findings:
            if one.key == key:
                return one
        raise FindingNotThere(
            "This finding is no longer there.", remedy="Reload the case and look again."
        )


def wanted_protocols(organ: str) -> tuple[Protocol, ...]:
    """The protocols by which an organ's images are assessed."""
    return protocols_of(organ) or (protocol_named(FALLBACK),)


def series_rows(session: Session, case_id: str) -> list[AssessedSeries]:
    """The assessed series of a case."""
    wanted = select(AssessedSeries).where(AssessedSeries.case_id == case_id)
    return list(session.scalars(wanted.order_by(AssessedSeries.SeriesInstanceUID)))


def series_row(session: Session, case_id: str, row_id: str) -> AssessedSeries:
    """One assessed series of this case; raises SeriesNotAssessed."""
    found = session.get(AssessedSeries, row_id)
    if found is None or found.case_id != case_id:
        raise SeriesNotAssessed(
            "This case has no such series.", remedy="Reload the case and look again."
        )
    return found


def facts_of_row(row: AssessedSeries) -> SeriesFacts | None:
    """The facts of a row; None when they were written by another version and cannot be read."""
    phase = Phase(row.phase_by_person) if row.phase_by_person else None
    try:
        return from_json(row.facts, phase)
    except (KeyError, TypeError, ValueError):
        return None


def valid_waivers(session: Session, case_id: str) -> dict[str, FindingWaiver]:
    """The waivers of a case that were not withdrawn, by the key of their finding."""
    wanted = select(FindingWaiver).where(
        FindingWaiver.case_id == case_id, FindingWaiver.withdrawn_at.is_(None)
    )
    return {one.finding_key: one for one in session.scalars(wanted)}


def returns_of_case(session: Session, case_id: str) -> list[HospitalReturn]:
    """What the hospital was asked, newest first."""
    wanted = select(HospitalReturn).where(HospitalReturn.case_id == case_id)
    return list(session.scalars(wanted.order_by(HospitalReturn.sent_at.desc())))


def return_of_case(session: Session, case_id: str, return_id: str) -> HospitalReturn:
    """One of them; raises ReturnNotFound."""
    found = session.get(HospitalReturn, return_id)
    if found is None or found.case_id != case_id:
        raise ReturnNotFound("This case has no such request.", remedy="Reload the page.")
    return found


def assessment_record(session: Session, case_id: str) -> ImagingAssessment | None:
    """What was kept of the newest assessment, or None."""
    return session.get(ImagingAssessment, case_id)


def imaging_of(
    session: Session, case_id: str, organ: str, on: date, given: BodySize = NOT_GIVEN
) -> CaseImaging | None:
    """The imaging of a case as it stands on a day; None before anything was assessed.

    `given` is the patient's size as the records of the case hold it.
    """
    kept = assessment_record(session, case_id)
    if kept is None:
        return None
    rows = series_rows(session, case_id)
    series = [facts for row in rows if (facts := facts_of_row(row)) is not None]
    assessment = assess(series, wanted_protocols(organ), on, given=given)
    waivers = valid_waivers(session, case_id)
    return CaseImaging(
        assessment=assessment,
        verdict=assessment.with_waivers(waivers),
        rows={row.SeriesInstanceUID: row for row in rows},
        waivers=waivers,
        assessed_at=kept.assessed_at,
        pixels_pending=kept.state != "whole",
        returns=tuple(returns_of_case(session, case_id)),
    )


def finding_to_json(one: Finding) -> dict[str, Any]:
    """A finding as it is kept."""
    return {
        "key": one.key,
        "id": one.id,
        "severity": one.severity.printed,
        "params": dict(one.params),
        "evidence": dict(one.evidence),
        "subjects": list(one.subjects),
    }


def finding_from_json(said: Mapping[str, Any]) -> Finding:
    """A finding again."""
    return Finding(
        said["id"],
        Severity[str(said["severity"]).upper()],
        said["params"],
        said["evidence"],
        tuple(said["subjects"]),
    )
