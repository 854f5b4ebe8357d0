"""Whether what values are bound to is an image of the visited case, as this visitor knows it.

Only what is newly bound is looked up, so that saving what was typed asks the archive nothing. While
the archive is away the study is checked by itself: an entry is not refused for what nobody can say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from server.annotations.evidence import EVIDENCE, newly_bound, standing
from server.annotations.fields import pointer
from server.archive import Archive, NotInArchive, Series
from server.cases.queries import study_uids
from server.foundation.errors import FieldProblem, Unavailable
from server.web.taking_part import hidden_from
from server.web.visit import Visit

_REMEDY: Final = "Bind the value to an image of this case, or leave the binding out."
_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_SEG: Final = "SegmentationSeriesInstanceUID"


def standing_answers(visit: Visit, answers: dict[str, Any]) -> dict[str, Any]:
    """Stored answers; what was seen on a study that was taken out of the case is marked."""
    return standing(answers, case_studies(visit)) if EVIDENCE in answers else answers


def binding_problems(
    visit: Visit, sent: Mapping[str, Any], kept: Mapping[str, Any], stored: Mapping[str, Any]
) -> list[FieldProblem]:
    """What is newly bound to something that is no image of this case, each at its entry.

    `sent` are the answers as they came, `kept` the same with the archive's UIDs, `stored` those of
    before. Of another hospital's or another case's image nothing is told but that it is not here.
    """
    given = sent.get(EVIDENCE)
    found = []
    for key, entry in newly_bound(kept, stored):
        # Keys are pointers and hold no UIDs: what was sent stands under the same one.
        why = _fault(visit, given.get(key, entry) if isinstance(given, dict) else entry, entry)
        if why:
            found.append(FieldProblem(pointer((EVIDENCE, key)), f"{why} {_REMEDY}"))
    return found


def case_studies(visit: Visit) -> frozenset[str]:
    """The case's studies, by the archive's UIDs and by those under which this visitor knows them: a
    UID that came while the archive was away is kept as it came."""
    own = study_uids(visit.session, visit.case.id)
    return own | {visit.view.shown(uid) for uid in own}


def _fault(visit: Visit, sent: Any, entry: dict[str, Any]) -> str:
    """Why an entry cannot be what a value was seen on, as a sentence; "" when it can."""
    said = sent.get("image") if isinstance(sent, dict) else None
    image = entry["image"]
    if not isinstance(said, dict) or not all(isinstance(image.get(name), str) for name in _UIDS):
        return ""  # the schema says what is wrong with its shape
    own = study_uids(visit.session, visit.case.id)
    if said.get(_UIDS[0]) not in {visit.view.shown(uid) for uid in own}:
        return "This image lies in no study of this case."
    try:
        return _fault_of_image(visit, said, entry)
    except NotInArchive:
        return "The archive holds this image no more."
    except Unavailable:
        return ""


def _fault_of_image(visit: Visit, said: Mapping[str, Any], entry: dict[str, Any]) -> str:
    archive, image = visit.services.archive, entry["image"]
    series = _series(visit, image["StudyInstanceUID"])
    shown = visit.view.shown
    here = next((one for one in series if one.SeriesInstanceUID == image[_UIDS[1]]), None)
    if here is None or shown(here.SeriesInstanceUID) != said.get(_UIDS[1]):
        return "The study holds no such series."
    instance = next(
        (
            one
            for one in archive.series_instances(here.orthanc_id)
            if one.SOPInstanceUID == image[_UIDS[2]] and shown(one.SOPInstanceUID) == said[_UIDS[2]]
        ),
        None,
    )
    if instance is None:
        return "The series holds no such image."
    frame = image.get("FrameNumber", 1)
    if isinstance(frame, int) and frame > 1:
        frames = _frames(archive, instance.orthanc_id)
        if frame > frames:
            return f"The image has {frames} frame{'s' * (frames != 1)}; frame {frame} was named."
    return _fault_of_segment(visit, said, entry) if image.get(_SEG) else ""


def _fault_of_segment(visit: Visit, said: Mapping[str, Any], entry: dict[str, Any]) -> str:
    """A segment lies in a segmentation of the case, under the number that was named."""
    archive, uid = visit.services.archive, entry["image"][_SEG]
    number = entry.get("segment_number")
    for study in study_uids(visit.session, visit.case.id):
        for one in _series(visit, study):
            if one.SeriesInstanceUID != uid or visit.view.shown(uid) != said.get(_SEG):
                continue
            if one.Modality != "SEG":
                return "The series named for the segment is no segmentation."
            if number is None or number in _segment_numbers(archive, one):
                return ""
            return f"The segmentation has no segment {number}."
    return "The case holds no such segmentation."


def _segment_numbers(archive: Archive, series: Series) -> set[int]:
    found: set[int] = set()
    for instance in series.instance_ids:
        for segment in archive.instance_tags(instance).get("SegmentSequence") or ():
            number = str(segment.get("SegmentNumber", ""))
            found |= {int(number)} if number.isdigit() else set()
    return found


def _series(visit: Visit, StudyInstanceUID: str) -> list[Series]:
    """The study's series, without what other members of a panel wrote that is still votes."""
    archive, hidden = visit.services.archive, hidden_from(visit).series
    found: list[Series] = []
    for study in archive.candidates(StudyInstanceUID):
        with contextlib.suppress(NotInArchive):
            found.extend(archive.study_series(study))
    return [one for one in found if one.SeriesInstanceUID not in hidden]


def _frames(archive: Archive, instance_id: str) -> int:
    number = str(archive.instance_tags(instance_id).get("NumberOfFrames") or "1").strip()
    return int(number) if number.isdigit() else 1
