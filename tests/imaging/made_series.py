"""Series for the rules: facts as they are after reading, and headers as plain texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from server.imaging.facts import Person, SeriesFacts
from server.imaging.headers import Header
from server.imaging.landmarks import Coverage, Landmark, Seen
from server.imaging.phase import Phase, PhaseReading
from server.imaging.roles import Role
from server.imaging.spacing import Spacing

ON = date(2026, 11, 20)
FRESH = date(2026, 11, 10)
SOMEBODY = Person("id", "name", "birth", "sex")
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
AXIAL = ("1", "0", "0", "0", "1", "0")
CORONAL = ("1", "0", "0", "0", "0", "-1")


def whole() -> Coverage:
    """A series that shows the abdomen from the dome of the liver to the pelvis."""
    seen = {
        place: Seen(place is not Landmark.LUNG_APEX, 0.9, f"The {place.in_words}.")
        for place in Landmark
    }
    return Coverage(seen, 450.0, 1.0, ())


def cut(*places: Landmark) -> Coverage:
    """A series that does not show these."""
    shown = dict(whole().landmarks)
    shown.update({place: Seen(False, 0.9, f"No {place.in_words}.") for place in places})
    return replace(whole(), landmarks=shown)


def spacing(**other: Any) -> Spacing:
    """A hundred and fifty axial slices 2 mm apart."""
    usual: dict[str, Any] = {
        "spacing_mm": 2.0,
        "positions": 150,
        "extent_mm": (-1000.0, -702.0),
        "normal": (0.0, 0.0, 1.0),
    }
    return Spacing(**{**usual, **other})


def series(phase: Phase = Phase.PORTAL_VENOUS, uid: str = "", **other: Any) -> SeriesFacts:
    """A good CT series of the abdomen in one phase."""
    usual: dict[str, Any] = {
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": uid or f"1.2.3.{list(Phase).index(phase) + 1}",
        "SeriesNumber": str(list(Phase).index(phase) + 2),
        "description": phase.in_words,
        "modality": "CT",
        "role": Role.DIAGNOSTIC,
        "role_evidence": "CT slices.",
        "images": 150,
        "spacing": spacing(),
        "slice_thickness_mm": 2.0,
        "made_on": FRESH,
        "header_phase": PhaseReading(phase, 0.8, ("said",)),
        "pixel_phase": PhaseReading(phase, 0.9, ("seen",)),
        "rows": 512,
        "columns": 512,
        "pixel_spacing_mm": (0.75, 0.75),
        "kernel": "B30f",
        "regions_said": frozenset({"abdomen"}),
        "is_attenuation": True,
        "patient_size_m": 1.7,
        "patient_weight_kg": 70.0,
        "people": frozenset({SOMEBODY}),
        "coverage": whole(),
    }
    return SeriesFacts(**{**usual, **other})


def liver() -> list[SeriesFacts]:
    """All that `liver-ct` asks for, with nothing wrong."""
    wanted = (Phase.NATIVE, Phase.ARTERIAL_LATE, Phase.PORTAL_VENOUS, Phase.DELAYED)
    return [series(one) for one in wanted]


def header(number: int = 1, z_mm: float | None = None, **other: Any) -> Header:
    """One axial CT image; `other` are attributes by keyword, as text, numbers or lists of them."""
    values: dict[str, Any] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": f"1.2.3.9.{number}",
        "SeriesInstanceUID": "1.2.3.9",
        "StudyInstanceUID": "1.2.3",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": number,
        "ImageOrientationPatient": AXIAL,
        "ImagePositionPatient": ["-180", "-180", number * 2.0 if z_mm is None else z_mm],
        "PixelSpacing": ["0.75", "0.75"],
        "SliceThickness": "2",
        "Rows": 512,
        "Columns": 512,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "RescaleIntercept": "-1024",
        "StudyDate": "20261110",
        **other,
    }
    syntax = str(values.pop("TransferSyntaxUID", "1.2.840.10008.1.2.1"))
    return Header(
        {keyword: _texts(value) for keyword, value in values.items() if value is not None},
        f"{number}.dcm",
        0,
        syntax,
    )


def _texts(value: Any) -> tuple[str, ...]:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(str(one) for one in several)


def stack(places_mm: Sequence[float], **other: Any) -> list[Header]:
    """Axial images at these places."""
    return [header(number, z, **other) for number, z in enumerate(places_mm, 1)]
