"""What the archive says of one study at one moment, as plain values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from server.archive import Archive, InstanceOrigin, NotInArchive, Series, Study


@dataclass(frozen=True)
class Observation:
    """A study and its series as the archive holds them now."""

    study: Study
    series: tuple[Series, ...]

    @property
    def instance_ids(self) -> tuple[str, ...]:
        return tuple(found for series in self.series for found in series.instance_ids)


@dataclass(frozen=True)
class Received:
    """One instance with its origin."""

    orthanc_id: str
    SOPInstanceUID: str
    origin: InstanceOrigin


def observe(archive: Archive, orthanc_id: str) -> Observation:
    """Ask the archive about a study; raises NotInArchive or ArchiveUnavailable."""
    study = archive.study(orthanc_id)
    series = tuple(
        sorted(
            archive.study_series(orthanc_id),
            key=lambda s: (_number(s.SeriesNumber), s.SeriesInstanceUID),
        )
    )
    return Observation(study, series)


def origins(archive: Archive, study_id: str, orthanc_ids: Collection[str]) -> list[Received]:
    """Where these instances of one study came from; those deleted meanwhile are left out."""
    if not orthanc_ids:
        return []
    try:
        wanted = (
            [archive.instance(found) for found in orthanc_ids]
            if len(orthanc_ids) == 1
            else [
                found
                for found in archive.study_instances(study_id)
                if found.orthanc_id in set(orthanc_ids)
            ]
        )
    except NotInArchive:
        return []
    received = []
    for instance in wanted:
        try:
            origin = archive.instance_origin(instance.orthanc_id)
        except NotInArchive:
            continue
        received.append(Received(instance.orthanc_id, instance.SOPInstanceUID, origin))
    return received


def _number(text: str) -> int:
    return int(text) if text.strip().lstrip("-").isdigit() else 10**9
