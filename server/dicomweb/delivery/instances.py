"""Which instances a study or a series has, and which of them stands for it."""

from __future__ import annotations

from typing import Any

from server.archive import ArchiveUnavailable, NotInArchive
from server.dicomweb.pixels.framing import FrameUnreadable, Place
from server.dicomweb.views.scope import Pass, outside

# Modalities without pixels, or with pixels that say nothing alone (PS3.3 C.7.3.1.1.1).
NO_PICTURE = frozenset({"SR", "KO", "PR", "SEG", "DOC", "REG", "RTSTRUCT", "RTPLAN"})


def instances_of(pass_: Pass, study: str, series: str | None) -> list[Place]:
    """Every instance of a study or a series. Raises StudyOutsideGrant when there is none."""
    found: list[Place] = []
    for candidate in pass_.archive.candidates(study, series):
        try:
            several = (
                [pass_.archive.series(candidate)]
                if series is not None
                else list(pass_.archive.study_series(candidate))
            )
            for one in sorted(several, key=_series_order):
                uid = one.SeriesInstanceUID
                instances = pass_.archive.series_instances(one.orthanc_id)
                found.extend(_place(study, uid, instance.SOPInstanceUID) for instance in instances)
        except NotInArchive:
            continue
    if not found:
        raise outside()
    return found


def _place(study: str, series: str, instance: str) -> Place:
    path = f"/studies/{study}/series/{series}/instances/{instance}"
    return Place(study, series, instance, path)


def first_with_picture(pass_: Pass, study: str) -> str:
    """The SeriesInstanceUID of the series that stands for a study."""
    found = _series_of(pass_, study)
    if not found:
        raise outside()
    pictures = [(number, uid) for number, uid, modality in found if modality not in NO_PICTURE]
    if not pictures:
        raise FrameUnreadable("Nothing in this study can be shown as a thumbnail.")
    return min(pictures)[1]


def _series_of(pass_: Pass, study: str) -> list[tuple[int, str, str]]:
    """SeriesNumber, SeriesInstanceUID and Modality of every series; prepared ones without Orthanc."""
    found: list[tuple[int, str, str]] = []
    try:
        for candidate in pass_.archive.candidates(study):
            several = pass_.archive.study_series(candidate)
            found.extend((*_series_order(one), one.Modality) for one in several)
    except NotInArchive:
        return found
    except ArchiveUnavailable:
        manifests = pass_.shelf.study(study)
        if not manifests:
            raise
        for manifest in manifests:
            number, modality = (
                _value(manifest.attributes, tag) for tag in ("00200011", "00080060")
            )
            found.append((_number(number), manifest.SeriesInstanceUID, modality))
    return found


def _value(attributes: dict[str, Any], tag: str) -> str:
    values = attributes.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _number(text: str) -> int:
    return int(text) if text.strip().isdigit() else 10**9


def _series_order(series: Any) -> tuple[int, str]:
    return _number(series.SeriesNumber), series.SeriesInstanceUID


def middle_of(pass_: Pass, study: str, series: str) -> str:
    """The SOPInstanceUID of the instance that stands for a series."""
    manifest = pass_.current(study, series)
    if manifest is not None and manifest.instances:
        return manifest.instances[len(manifest.instances) // 2].SOPInstanceUID
    for candidate in pass_.archive.candidates(study, series):
        try:
            instances = pass_.archive.series_instances(candidate)
        except NotInArchive:
            continue
        if instances:
            return instances[len(instances) // 2].SOPInstanceUID
    raise outside()
