"""Reading volumes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.foundation.clock import iso
from server.volumetry.records import VolumeMeasurement


def measurement_of(session: Session, SOPInstanceUID: str) -> VolumeMeasurement | None:
    """What was measured from this SEG, or None."""
    return session.scalar(
        select(VolumeMeasurement).where(VolumeMeasurement.SOPInstanceUID == SOPInstanceUID)
    )


def volumes_of_case(session: Session, case_id: str) -> list[VolumeMeasurement]:
    """Every measurement of a case, newest first."""
    return list(
        session.scalars(
            select(VolumeMeasurement)
            .where(VolumeMeasurement.case_id == case_id)
            .order_by(VolumeMeasurement.noticed_at.desc())
        )
    )


def volume_json(measurement: VolumeMeasurement) -> dict[str, Any]:
    """A measurement as the panel reads it; volumes in mL, the remnant in percent."""
    result = measurement.result
    # One that was kept before `subtracted_ml` was told: all of the tumour stands for it.
    before = {"subtracted_ml": result["tumour_ml"]} if "tumour_ml" in result else {}
    return {
        **before,
        **result,
        "id": measurement.id,
        "state": measurement.state,
        "label": measurement.label,
        "SOPInstanceUID": measurement.SOPInstanceUID,
        "refusal": measurement.refusal,
        "measured_at": iso(measurement.measured_at) if measurement.measured_at else None,
    }
