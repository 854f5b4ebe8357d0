"""What values were measured on, as measurement groups that name the image and the points on it.

A diameter with its second axis is a planar region (PS3.16 TID 1410), outlined through the ends of both
axes; a length or an angle is a measurement inferred from its own points (TID 1501); a key image is a
group that names the image. What was deleted since is left to the words of the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from highdicom.sr import (
    CodedConcept,
    CoordinatesForMeasurement,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
)
from pydicom.dataset import Dataset

from server.annotations.evidence import EVIDENCE
from server.annotations.fields import Field, answer_at, is_answered
from server.opinions import coding
from server.opinions.assessment import Assessment
from server.opinions.image_plane import pixel_points
from server.opinions.structure_groups import Group, group, organ_code, sites_of, tracking

# Name, unit and number of points of what the viewer's tools measure.
_INFERRED: Final[Mapping[str, tuple[CodedConcept, CodedConcept, int]]] = {
    "length": (coding.LENGTH, coding.MILLIMETRE, 2),
    "angle": (coding.ANGLE, coding.DEGREE, 3),
}
_AXES_POINTS: Final = 4  # the ends of the long axis, then those of the short one


def evidence_groups(assessment: Assessment, seen: Mapping[str, Dataset]) -> list[Group]:
    """A group for every value that is bound to an image; `seen` are headers by SOPInstanceUID.

    An image that is not among them is left out: nothing is referred to that is not there.
    """
    entries = assessment.answers.get(EVIDENCE) or {}
    found = []
    for field in assessment.organ.fields:
        entry = entries.get(field.pointer)
        if not entry or not is_answered(answer_at(assessment.answers, field.path)):
            continue
        image = seen.get(str(entry["image"]["SOPInstanceUID"]))
        if image is not None and entry.get("state") == "supported":
            found.append(_group(assessment, field, entry, image))
    return found


def _group(assessment: Assessment, field: Field, entry: Mapping[str, Any], image: Dataset) -> Group:
    points = pixel_points(entry.get("points_mm") or [], image)
    content: dict[str, Any] = {
        "finding_type": coding.EVIDENCE_SEEN,
        "finding_sites": _sites(assessment, field),
    }
    identifier = tracking(assessment, f"evidence {field.pointer}", f"Seen: {field.name}")
    comments = [f"Evidence of {field.pointer}"]
    if entry["kind"] == "bidirectional" and points is not None and len(points) == _AXES_POINTS:
        return group(
            identifier,
            comments=[*comments, "Outlined through the ends of both axes"],
            template=PlanarROIMeasurementsAndQualitativeEvaluations,
            referenced_region=ImageRegion(
                GraphicTypeValues.POLYLINE,
                # Closed: round by the ends of both axes and back to the first (PS3.3 C.18.6.1.2).
                points[[0, 2, 1, 3, 0]],
                SourceImageForRegion(*_reference(entry, image)),
            ),
            measurements=list(_axes(entry)),
            **content,
        )
    return group(
        identifier,
        comments=comments,
        measurements=list(_inferred(entry, points, image)),
        source_images=[SourceImageForMeasurementGroup(*_reference(entry, image))],
        **content,
    )


def _axes(entry: Mapping[str, Any]) -> Iterator[Measurement]:
    """Long and short axis in mm, from the ends that were drawn."""
    ends = np.asarray(entry["points_mm"], dtype=float)
    lengths = [float(np.linalg.norm(ends[first] - ends[first + 1])) for first in (0, 2)]
    for name, value in zip((coding.LONG_AXIS, coding.SHORT_AXIS), lengths, strict=True):
        yield Measurement(name, round(value, 2), coding.MILLIMETRE)


def _inferred(
    entry: Mapping[str, Any], points: np.ndarray | None, image: Dataset
) -> Iterator[Measurement]:
    kind = _INFERRED.get(str(entry["kind"]))
    value = entry.get("value")
    if kind is None or not isinstance(value, int | float):
        return
    name, unit, count = kind
    coordinates = None
    if points is not None and len(points) >= count:
        source = SourceImageForRegion(*_reference(entry, image))
        coordinates = [CoordinatesForMeasurement(GraphicTypeValues.POLYLINE, points, source)]
    yield Measurement(name, float(value), unit, referenced_coordinates=coordinates)


def _reference(entry: Mapping[str, Any], image: Dataset) -> tuple[str, str, list[int] | None]:
    frame = entry["image"].get("FrameNumber")
    return str(image.SOPClassUID), str(image.SOPInstanceUID), [int(frame)] if frame else None


def _sites(assessment: Assessment, field: Field) -> list[FindingSite]:
    """Where the value belongs: the structure around the field, or else the organ."""
    for length in range(len(field.path), 0, -1):
        for one in assessment.organ.fields:
            if one.path == field.path[:length] and one.hints.get("code"):
                return sites_of(assessment.organ, one)
    return [FindingSite(organ_code(assessment.organ))]
