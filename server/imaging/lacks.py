"""What the images of many cases lack, in figures, read together: a worklist asks for a page at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.imaging.findings import Severity
from server.imaging.queries import finding_from_json
from server.imaging.records import FindingWaiver, ImagingAssessment


@dataclass(frozen=True)
class ImagingLack:
    """How many findings that nobody waived stop the answer or limit it, as last assessed.

    `pixels_pending` says that only headers were read so far.
    """

    blocking: int
    limiting: int
    pixels_pending: bool


def lacks_of(session: Session, case_ids: Sequence[str]) -> dict[str, ImagingLack]:
    """By the case's id; a case whose imaging was never assessed is missing."""
    waived: dict[str, set[str]] = {}
    stand = select(FindingWaiver.case_id, FindingWaiver.finding_key).where(
        FindingWaiver.case_id.in_(case_ids), FindingWaiver.withdrawn_at.is_(None)
    )
    for case_id, key in session.execute(stand):
        waived.setdefault(case_id, set()).add(key)
    kept = select(ImagingAssessment).where(ImagingAssessment.case_id.in_(case_ids))
    return {
        one.case_id: _lack(one, waived.get(one.case_id, set())) for one in session.scalars(kept)
    }


def _lack(kept: ImagingAssessment, waived: set[str]) -> ImagingLack:
    counting = [
        finding.severity
        for finding in map(finding_from_json, kept.findings)
        if finding.key not in waived
    ]
    return ImagingLack(
        blocking=counting.count(Severity.BLOCKING),
        limiting=counting.count(Severity.LIMITING),
        pixels_pending=kept.state != "whole",
    )
