"""What the archive says of one study at one moment, as plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from server.archive import Archive, InstanceOrigin, NotInArchive, Series, Study
from server.intake.arrivals.identity import Identity

MOST_SERIES_LOOKED_AT = 60
# Objects made from images bear their patient; some have tens of thousands of attributes to read.
DERIVED = frozenset({"SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "KO", "PR", "DOC", "REG"})


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


def identities(archive: Archive, observation: Observation) -> dict[str, tuple[Identity, ...]]:
    """Who each series says the patient is, by its SeriesInstanceUID, from its first and last instance.

    Orthanc keeps one patient's attributes for a whole study, those of the first instance that came, so
    the instances themselves are asked. Of studies with very many series the first are looked at.
    """
    found: dict[str, tuple[Identity, ...]] = {}
    images = [one for one in observation.series if one.Modality not in DERIVED]
    for series in images[:MOST_SERIES_LOOKED_AT]:
        ends = dict.fromkeys((*series.instance_ids[:1], *series.instance_ids[-1:]))
        try:
            said = [identity_in(archive.instance_tags(one)) for one in ends]
        except NotInArchive:
            continue
        found[series.SeriesInstanceUID] = tuple(dict.fromkeys(said))
    return found


def identity_in(tags: Mapping[str, Any]) -> Identity:
    """The patient in Orthanc's simplified tags of an instance."""
    said = {name: str(tags.get(name) or "").strip() for name in _IDENTITY}
    return Identity(**said)


_IDENTITY = ("PatientName", "PatientBirthDate", "PatientSex", "PatientID")


def _number(text: str) -> int:
    return int(text) if text.strip().lstrip("-").isdigit() else 10**9
