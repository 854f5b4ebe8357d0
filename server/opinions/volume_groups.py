"""Liver, remnant and tumour as measurement groups on the segments they were counted in (PS3.16
TID 1411), or on none (TID 1501) where a volume was entered by hand or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from highdicom.sr import (
    CodedConcept,
    FindingSite,
    Measurement,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset

from server.opinions import coding
from server.opinions.assessment import Assessment
from server.opinions.document import Volume
from server.opinions.structure_groups import Group, group, tracking
from server.opinions.wording import denominator
from server.volumetry.remnant import PAINTED_OVER, TUMOUR_PAINTED_OVER
from server.volumetry.roles import Role, Segment, assign

# The liver of a SEG painted segment over segment is the union of several: no segment holds it.
_UNITED: Final = frozenset({PAINTED_OVER, TUMOUR_PAINTED_OVER})

_ABOUT: Final[dict[Role, CodedConcept]] = {
    "liver": coding.WHOLE_LIVER,
    "flr": coding.REMNANT,
    "tumour": coding.NEOPLASM,
}


@dataclass(frozen=True)
class _Part:
    """One region of a measurement: its volume in mL (None where only the remnant's share was
    entered), and the SEG's segments it was counted in.
    """

    role: Role
    volume_ml: float | None
    segments: tuple[Segment, ...] = ()


def volume_groups(assessment: Assessment, segmentations: Mapping[str, Dataset]) -> list[Group]:
    """A group for every region of every volume, and one for each that was not measured.

    `segmentations` are the headers of the SEGs (Segment Sequence included) by SOPInstanceUID; a SEG
    that is not among them gives groups without a segment, which say so.
    """
    found = []
    for volume in assessment.opinion.volumes:
        if volume.state != "measured":
            found.append(_unmeasured(assessment, volume))
            continue
        seg = segmentations.get(volume.SOPInstanceUID)
        found.extend(_measured(assessment, volume, part, seg) for part in _regions(volume, seg))
    return found


def _regions(volume: Volume, seg: Dataset | None) -> list[_Part]:
    roles = assign(_segments(seg)) if seg is not None else {}
    volumes_ml: dict[Role, float | None] = {
        "liver": volume.liver_ml,
        "flr": volume.flr_ml,
        "tumour": volume.tumour_ml,
    }
    return [
        _Part(role, volume_ml, roles.get(role, ()))
        for role, volume_ml in volumes_ml.items()
        if volume_ml is not None or (role == "flr" and volume.flr_percent is not None)
    ]


def _measured(assessment: Assessment, volume: Volume, part: _Part, seg: Dataset | None) -> Group:
    measurements = []
    if part.volume_ml is not None:
        measurements.append(Measurement(coding.VOLUME, part.volume_ml, coding.MILLILITRE))
    comments = list(assessment.volume_notes.get(volume.SOPInstanceUID, ()))
    painted_over = part.role == "liver" and not _UNITED.isdisjoint(comments)
    if part.role == "flr":
        measurements += _shares(volume)
    content = {
        "finding_type": _ABOUT[part.role],
        "finding_sites": [FindingSite(coding.LIVER)],
        "measurements": measurements,
        "qualitative_evaluations": _evaluations(volume, part.role),
    }
    label = f"{volume.label}: {_ABOUT[part.role].meaning}"
    identifier = tracking(assessment, f"volume {volume.id} {part.role}", label)
    if seg is not None and len(part.segments) == 1 and not painted_over:
        return group(
            identifier,
            comments=comments,
            template=VolumetricROIMeasurementsAndQualitativeEvaluations,
            method=coding.SUM_OF_VOXELS,
            referenced_segment=ReferencedSegment(
                seg.SOPClassUID,
                seg.SOPInstanceUID,
                part.segments[0].number,
                source_series=SourceSeriesForSegmentation(volume.SeriesInstanceUID),
            ),
            **content,
        )
    if part.segments:
        numbers = ", ".join(f"{one.number} “{one.label}”" for one in part.segments)
        comments.append(f"Counted in the segments {numbers} of {volume.SOPInstanceUID}.")
    return group(identifier, comments=comments, **content)


def _shares(volume: Volume) -> list[Measurement]:
    """The remnant's percentage with its uncertainty band."""
    band = volume.band_percent
    if volume.flr_percent is None or band is None:
        return []
    named = ((coding.FLR_PERCENT, volume.flr_percent), *zip(_BAND, band, strict=True))
    return [Measurement(name, round(value, 4), coding.PERCENT) for name, value in named]


_BAND = (coding.FLR_LOW, coding.FLR_HIGH)


def _evaluations(volume: Volume, role: Role) -> list[QualitativeEvaluation]:
    entered = volume.id == "entered"
    found = [
        QualitativeEvaluation(coding.VOLUME_STATE, coding.VOLUME_STATES[volume.state]),
        QualitativeEvaluation(coding.VOLUME_SOURCE, coding.ENTERED if entered else coding.COUNTED),
    ]
    if role == "flr" and volume.flr_percent is not None:
        words = denominator(volume.denominator) or "not stated"
        code = coding.margin(f"denominator/{volume.denominator or 'not stated'}", words)
        found.append(QualitativeEvaluation(coding.DENOMINATOR, code))
    return found


def _unmeasured(assessment: Assessment, volume: Volume) -> Group:
    state: Literal["refused", "measuring"] = "refused" if volume.state == "refused" else "measuring"
    return group(
        tracking(assessment, f"volume {volume.id}", volume.label or "Segmentation"),
        comments=[volume.refusal],
        finding_type=coding.WHOLE_LIVER,
        finding_sites=[FindingSite(coding.LIVER)],
        qualitative_evaluations=[
            QualitativeEvaluation(coding.VOLUME_STATE, coding.VOLUME_STATES[state])
        ],
    )


def _segments(seg: Dataset) -> list[Segment]:
    found = []
    for item in seg.get("SegmentSequence", ()):
        kind = next(iter(item.get("SegmentedPropertyTypeCodeSequence", ())), Dataset())
        found.append(
            Segment(
                number=int(item.SegmentNumber),
                label=str(item.get("SegmentLabel", "")),
                type_scheme=str(kind.get("CodingSchemeDesignator", "")),
                type_code=str(kind.get("CodeValue", "")),
            )
        )
    return found
