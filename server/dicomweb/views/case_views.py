"""Which view a reader gets: everything as it is, or their case under its pseudonyms.

One view is kept per case and process, so that what it has found out is shared by all of its readers.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from server.access.door import Admission, ImageAdmission
from server.access.pseudonyms import pseudonym_key
from server.archive import Archive, ArchiveFailed, ArchiveUnavailable, NotInArchive, Series
from server.dicomweb.views.pseudonyms import PATIENT_AND_STUDY, PseudonymisedView
from server.dicomweb.views.view import PLAIN_VIEW, View
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf

CASES_KEPT: Final = 64
_LAST_OF_STUDY: Final = 0x00200010  # Study ID stands behind all others of PATIENT_AND_STUDY
_HEADER_BYTES: Final = 1 << 20
_FRAME_OF_REFERENCE: Final = "00200052"


@dataclass
class _Case:
    """A case's studies as they were when somebody of it was last admitted, and its view."""

    study_uids: frozenset[str]
    view: PseudonymisedView = field(init=False)


class CaseViews:
    """Gives each reader their view. One per process, safe to share between threads."""

    def __init__(self, secret_key: str, archive: Archive, shelf: Shelf) -> None:
        self._secret_key = secret_key
        self._archive = archive
        self._shelf = shelf
        self._cases: OrderedDict[str, _Case] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, admission: ImageAdmission) -> View:
        """The view of whoever was admitted."""
        if not admission.pseudonymised or admission.case_id is None:
            return PLAIN_VIEW
        studies = admission.study_uids or frozenset()
        with self._lock:
            case = self._cases.get(admission.case_id)
            if case is None:
                case = self._new(admission.case_id, admission.case_number or "", studies)
                self._cases[admission.case_id] = case
                while len(self._cases) > CASES_KEPT:
                    self._cases.popitem(last=False)
            self._cases.move_to_end(admission.case_id)
            case.study_uids = studies
        return case.view

    def of_visit(self, admission: Admission) -> View:
        """The view of whoever was admitted to a page or to the panel: the same as at the images."""
        case = admission.case
        if case is None:
            return PLAIN_VIEW
        studies = frozenset(study.StudyInstanceUID for study in case.studies)
        return self.of(
            ImageAdmission(admission.actor, case.id, case.number, case.hospital_id, studies)
        )

    def _new(self, case_id: str, number: str, studies: frozenset[str]) -> _Case:
        case = _Case(studies)
        key = pseudonym_key(self._secret_key, case_id)
        case.view = PseudonymisedView(
            key, number, lambda: self._uids_of(case.study_uids), self._study_of
        )
        return case

    def _uids_of(self, studies: frozenset[str]) -> Iterator[str]:
        """Every UID by which something of these studies is named; of what is prepared only, while
        the archive does not answer."""
        for study in studies:
            yield study
            try:
                for candidate in self._archive.candidates(study):
                    for series in self._archive.study_series(candidate):
                        yield from self._uids_of_series(study, series)
            except NotInArchive:
                continue
            except (ArchiveUnavailable, ArchiveFailed):
                for manifest in self._shelf.study(study):
                    yield from _uids_in(manifest)

    def _uids_of_series(self, study: str, series: Series) -> Iterator[str]:
        manifest = self._shelf.series(study, series.SeriesInstanceUID)
        if manifest is not None and manifest.instance_count == len(series.instance_ids):
            yield from _uids_in(manifest)
            return
        yield series.SeriesInstanceUID
        for instance in self._archive.series_instances(series.orthanc_id):
            yield instance.SOPInstanceUID
        if series.instance_ids:
            tags = self._archive.instance_tags(series.instance_ids[0])
            yield str(tags.get("FrameOfReferenceUID") or "")

    def _study_of(self, StudyInstanceUID: str) -> Dataset | None:
        for candidate in self._archive.candidates(StudyInstanceUID):
            try:
                instances = self._archive.study_instances(candidate)
            except NotInArchive:
                continue
            if instances:
                return self._attributes(min(instances, key=_size).orthanc_id)
        return None

    def _attributes(self, orthanc_id: str) -> Dataset:
        with self._archive.open_file(orthanc_id) as stream:
            file = io.BytesIO(stream.read(_HEADER_BYTES))
        found = read_partial(
            file,
            stop_when=_is_behind_the_study,
            specific_tags=[Tag(one) for one in PATIENT_AND_STUDY],
            force=True,
        )
        found.decode()
        return Dataset({element.tag: element for element in found})


def _size(instance: Any) -> int:
    return int(instance.file_size_bytes)


def _is_behind_the_study(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > _LAST_OF_STUDY


def _uids_in(manifest: Manifest) -> Iterator[str]:
    yield manifest.StudyInstanceUID
    yield manifest.SeriesInstanceUID
    yield from manifest.by_uid
    yield from manifest.attributes.get(_FRAME_OF_REFERENCE, {}).get("Value", ())
