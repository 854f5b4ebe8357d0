"""The job that assesses the imaging of a case: headers first, then as few pixels as are needed.

Headers come from what was prepared for viewing where that is as new as the archive, else from the
archive's metadata; pixels of the few slices that are looked at come from the archive. A series that
has not changed since it was assessed is neither read nor looked at again.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Final

from pydicom import Dataset, dcmread

from server.archive import Archive, NotInArchive, Series
from server.cases.queries import CaseNotFound, case_by_id
from server.foundation import audit
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.imaging import actions
from server.imaging.actions import Assessed
from server.imaging.facts import SeriesFacts, facts_of
from server.imaging.headers import Header, of_json
from server.imaging.looking import with_pixels
from server.imaging.queries import CaseImaging, facts_of_row, series_rows
from server.imaging.records import AssessedSeries
from server.intake.body_size import size_in_records
from server.intake.queries import arrivals_of_case
from server.prepared.describing import described
from server.prepared.metadata import MetadataUnreadable
from server.prepared.shelf import Shelf

_AT_ONCE: Final = 4  # series whose metadata are asked for at the same time
_VERSION: Final = "2"  # of the facts: a newer program assesses everything anew
WORKER: Final = "worker"


@dataclass(frozen=True)
class _Found:
    """A series in the archive, and what was known of it."""

    StudyInstanceUID: str
    series: Series
    row: AssessedSeries | None

    @property
    def mark(self) -> str:
        updated = self.series.last_update.isoformat() if self.series.last_update else ""
        return f"{_VERSION} {self.series.orthanc_id} {len(self.series.instance_ids)} {updated}"

    def known(self) -> Assessed | None:
        """What was kept, when the series is as it was."""
        if self.row is None or self.row.mark != self.mark:
            return None
        facts = facts_of_row(self.row)
        return Assessed(facts, self.mark, self.row.looked_at) if facts is not None else None


class ImagingJob:
    """Assesses one case. `give_way` is called when the headers are judged and the pixels, which take
    longer, begin.
    """

    def __init__(
        self,
        db: Database,
        archive: Archive,
        shelf: Shelf,
        clock: Clock,
        give_way: Callable[[], object] = lambda: None,
    ) -> None:
        self._db = db
        self._archive = archive
        self._shelf = shelf
        self._clock = clock
        self._give_way = give_way

    def do(self, case_id: str) -> CaseImaging | None:
        """Assess all that belongs to the case now. None when the case is gone or has no images.

        Raises ArchiveUnavailable and whatever else only needs waiting.
        """
        found = self._look_up(case_id)
        if not found:
            return None
        headers: dict[str, list[Header]] = {}
        assessed = self._read_headers(found, headers)
        if all(one.looked_at for one in assessed):
            return self._note(case_id, assessed, whole=True)
        self._note(case_id, assessed, whole=False)
        self._give_way()
        of_series = {one.series.SeriesInstanceUID: one for one in found}
        for place, one in enumerate(assessed):
            if not one.looked_at:
                where = of_series[one.facts.SeriesInstanceUID]
                assessed[place] = self._looked(where, one, headers)
                # Kept at once: whoever takes over after a restart goes on from here.
                self._note(case_id, assessed, whole=False)
        return self._note(case_id, assessed, whole=True)

    def _look_up(self, case_id: str) -> list[_Found]:
        with self._db.reading() as session:
            try:
                case_by_id(session, case_id)
            except CaseNotFound:
                return []
            rows = {row.SeriesInstanceUID: row for row in series_rows(session, case_id)}
            studies = [
                (one.StudyInstanceUID, one.orthanc_id) for one in arrivals_of_case(session, case_id)
            ]
        found: dict[str, _Found] = {}
        for study, orthanc_id in studies:
            try:
                every = self._archive.study_series(orthanc_id)
            except NotInArchive:
                continue
            for series in every:
                uid = series.SeriesInstanceUID
                if series.instance_ids:
                    found.setdefault(uid, _Found(study, series, rows.get(uid)))
        return list(found.values())

    def _read_headers(
        self, found: Sequence[_Found], headers: dict[str, list[Header]]
    ) -> list[Assessed]:
        with ThreadPoolExecutor(_AT_ONCE, "headers") as pool:
            fresh = [one for one in found if one.known() is None]
            for one, read in zip(fresh, pool.map(self._headers, fresh), strict=True):
                headers[one.series.SeriesInstanceUID] = read
        assessed = []
        for one in found:
            known = one.known()
            if known is not None:
                assessed.append(known)
            elif read := headers[one.series.SeriesInstanceUID]:
                facts = facts_of(read)
                assessed.append(Assessed(facts, one.mark, not facts.can_be_looked_at))
        return assessed

    def _headers(self, found: _Found) -> list[Header]:
        prepared = self._prepared(found)
        if prepared is not None:
            return prepared
        series = found.series
        path = f"/studies/{found.StudyInstanceUID}/series/{series.SeriesInstanceUID}/metadata"
        try:
            syntax = self._archive.instance_origin(series.instance_ids[0]).TransferSyntaxUID
            with self._archive.open_dicomweb(path, accept="application/dicom+json") as stream:
                return [
                    header
                    for dataset in described(self._archive, stream)
                    for header in of_json(dataset, TransferSyntaxUID=syntax)
                ]
        except (NotInArchive, MetadataUnreadable):
            return []  # deleted meanwhile, or being added to: it will be asked for again

    def _prepared(self, found: _Found) -> list[Header] | None:
        """The headers on the shelf, when they are as new as the archive."""
        study, series = found.StudyInstanceUID, found.series
        manifest = self._shelf.series(study, series.SeriesInstanceUID)
        updated = series.last_update.isoformat() if series.last_update else ""
        now = (series.orthanc_id, len(series.instance_ids), updated)
        if manifest is None or now != (
            manifest.orthanc_id,
            manifest.instance_count,
            manifest.last_update,
        ):
            return None
        path = self._shelf.metadata(study, series.SeriesInstanceUID)
        try:
            datasets = json.loads(gzip.decompress(path.read_bytes()))
        except (OSError, ValueError, EOFError):
            return None
        syntaxes = {uid: instance.TransferSyntaxUID for uid, instance in manifest.by_uid.items()}
        found_headers = [header for dataset in datasets for header in of_json(dataset)]
        return [
            replace(one, TransferSyntaxUID=syntaxes.get(one.text("SOPInstanceUID"), ""))
            for one in found_headers
        ]

    def _looked(self, found: _Found, one: Assessed, headers: dict[str, list[Header]]) -> Assessed:
        uid = found.series.SeriesInstanceUID
        read = headers.get(uid) or self._headers(found)
        if not read:
            return one
        try:
            instances = self._archive.series_instances(found.series.orthanc_id)
        except NotInArchive:
            return one
        ids = {instance.SOPInstanceUID: instance.orthanc_id for instance in instances}

        def opened(header: Header) -> Dataset | None:
            orthanc_id = ids.get(header.text("SOPInstanceUID"))
            return self._image(orthanc_id) if orthanc_id else None

        # What was kept has no distances any more: they are taken from the headers again.
        facts: SeriesFacts = one.facts
        if len(facts.spacing.distances_mm) != len(read):
            facts = facts_of(read)
        return Assessed(with_pixels(facts, _by_instance(read), opened), one.mark, looked_at=True)

    def _image(self, orthanc_id: str) -> Dataset | None:
        try:
            content = self._archive.instance_file(orthanc_id)
        except NotInArchive:
            return None
        try:
            return dcmread(BytesIO(content))
        except Exception:  # a hostile file fails in many ways; the other slices tell enough
            return None

    def _note(
        self, case_id: str, assessed: Sequence[Assessed], *, whole: bool
    ) -> CaseImaging | None:
        with self._db.writing() as session:
            try:
                case = case_by_id(session, case_id)
            except CaseNotFound:
                return None
            now = self._clock()
            given = size_in_records(session, case, now.date())
            found = actions.note_assessment(
                session, case, assessed, whole=whole, now=now, given=given
            )
            if whole:
                audit.append(
                    session,
                    actor=WORKER,
                    action="imaging.assess",
                    object_=f"case {case.number}",
                    outcome="done",
                    now=now,
                    case_number=case.number,
                    details={
                        "protocol": found.assessment.protocol.id,
                        "verdict": found.verdict.value,
                        "findings": [
                            one.id for one in found.open_findings if one.severity.value >= 2
                        ],
                    },
                )
            return found


def _by_instance(headers: Sequence[Header]) -> list[Header]:
    """Headers whose `source` is the instance, so that a multi-frame image is opened once."""
    return [replace(one, source=one.text("SOPInstanceUID")) for one in headers]
