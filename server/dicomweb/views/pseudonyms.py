"""The gateway's pseudonymised view of one case: what PS3.15 lets a reader see, and the way back.

Addresses and searches come with the UIDs that this view shows; `real` finds the archive's. What a
reader draws on pseudonymised images names shown UIDs; `incoming` writes it as the archive must
keep it.
"""

from __future__ import annotations

import io
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from server.dicom.burned_in import Texts, facts, facts_of, is_withheld, why_withheld
from server.dicom.confidentiality import METHOD_CODES
from server.dicom.deidentification import RULES_VERSION
from server.dicom.pseudonyms import Pseudonyms
from server.dicom.shown_file import Opened, Shown, opened, shown_file
from server.dicom.shown_json import shown_json
from server.dicom.shown_pixels import FileNotUnderstood

LOOKED_AGAIN_AFTER_S: Final = 1.0

_METHOD: Final = "Margin: PS3.15 Annex E, basic profile with options"
_NOTE: Final = "Pixels withheld: burned-in identity possible"  # LO: at most 64 characters
_PIXELS: Final = ("7FE00008", "7FE00009", "7FE00010")

# Attributes of the patient and the study (PS3.3 C.7.1.1, C.7.2.1) that must be the archive's own in
# what is stored, and what says that identity was removed, which is not so once it is put back.
PATIENT_AND_STUDY: Final = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "StudyDescription",
)  # fmt: skip
_SAID_OF_REMOVAL: Final = (
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
)  # fmt: skip

Json = dict[str, Any]


class NotFromThisView(ValueError):
    """What was sent cannot be written as the archive must keep it."""


def _code(value: str, meaning: str) -> dict[int, tuple[str, str]]:
    return {
        0x00080100: ("SH", value),
        0x00080102: ("SH", "DCM"),
        0x00080104: ("LO", meaning),
    }


_SAID: Final[dict[int, tuple[str, Any]]] = {
    0x00120062: ("CS", "YES"),  # Patient Identity Removed
    0x00120063: ("LO", _METHOD),
    0x00120064: ("SQ", [_code(*pair) for pair in METHOD_CODES]),
    0x00280303: ("CS", "UNMODIFIED"),  # Longitudinal Temporal Information Modified
}


def _in_json(vr: str, value: Any) -> Json:
    if vr == "SQ":
        items = [{f"{tag:08X}": _in_json(*pair) for tag, pair in item.items()} for item in value]
        return {"vr": vr, "Value": items}
    return {"vr": vr, "Value": value.split("\\")}


_SAID_IN_JSON: Final[Json] = {f"{tag:08X}": _in_json(*pair) for tag, pair in _SAID.items()}
_NOTED: Final = {0x00120063: ("LO", f"{_METHOD}\\{_NOTE}")}


class PseudonymisedView:
    """One case under pseudonyms. Safe to share between threads; keep one per case.

    `key` is the case's secret, `case_label` its number. `known_uids` lists every UID of the archive
    by which something of the case is named: studies, series, instances and frames of reference; it
    is asked when an address is not known, at most once a second. `study_of(StudyInstanceUID)` gives
    the patient and study attributes of a study as the archive has them, or None.
    """

    pseudonymised = True

    def __init__(
        self,
        key: bytes,
        case_label: str,
        known_uids: Callable[[], Iterable[str]],
        study_of: Callable[[str], Dataset | None] = lambda _: None,
    ) -> None:
        self._pseudonyms = Pseudonyms(key, case_label)
        self.id = self._pseudonyms.digest(f"view {RULES_VERSION} {case_label}")[:16]
        self._known_uids = known_uids
        self._study_of = study_of
        self._real: dict[str, str] = {}
        self._look_again_at = 0.0
        self._lock = threading.Lock()

    def real(self, uid: str) -> str | None:
        """The archive's UID for one that was shown; None when nothing of the case has it.

        A UID of the archive is nobody's shown UID, so it is not found.
        """
        found = self._real.get(uid)
        if found is not None or time.monotonic() < self._look_again_at:
            return found
        with self._lock:
            if time.monotonic() >= self._look_again_at:
                shown = self._pseudonyms.uid
                self._real = {shown(one): one for one in self._known_uids() if one}
                self._look_again_at = time.monotonic() + LOOKED_AGAIN_AFTER_S
        return self._real.get(uid)

    def shown(self, uid: str) -> str:
        """The UID under which this case's readers know the archive's `uid`."""
        return self._pseudonyms.uid(uid)

    def json(self, dataset: Json) -> Json | None:
        """A dataset as it may be seen, with its bulk data's addresses; None for a document.

        Where pixels are withheld it says so and names no address of them.
        """
        known = facts(_reader(dataset))
        if is_withheld(known):
            return None
        shown = {**shown_json(dataset, self._pseudonyms), **_SAID_IN_JSON}
        if known.SOPClassUID and why_withheld(known):
            shown["00120063"] = _in_json(*_NOTED[0x00120063])
            for tag in _PIXELS:
                shown.pop(tag, None)
        return shown

    def file(self, file: BinaryIO) -> Shown | None:
        """A file as it may be seen; None for a document, for one whose pixels are withheld (see
        `pixels_withheld`) and for one that cannot be understood to its end.

        `file` is a copy, which is written into and is read while the answer is.
        """
        try:
            with opened(file) as found:
                known = facts_of(found.dataset)
                if is_withheld(known) or why_withheld(known):
                    return None
                return shown_file(found, self._pseudonyms, _SAID)
        except FileNotUnderstood:
            return None

    def pixels_withheld(self, dataset: Json) -> str:
        """Why the pixels of this dataset may not be shown, in a sentence; "" when they may."""
        return why_withheld(facts(_reader(dataset)))

    def incoming(self, data: bytes) -> bytes:
        """A file made on what this view shows, with the archive's UIDs, patient and study.

        UIDs of its own stay. Raises NotFromThisView for a file that cannot be read, and for one
        that does not name a study of this case as this view shows it: who knows an archive's UID
        is not told so.
        """
        try:
            with opened(io.BytesIO(data)) as file:
                return self._renamed(file)
        except FileNotUnderstood as problem:
            raise NotFromThisView("This is not a DICOM file that can be read.") from problem

    def _renamed(self, file: Opened) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = file.dataset
                dataset.decode()
                study = self.real(str(dataset.get("StudyInstanceUID", "")))
                known = None if study is None else self._study_of(study)
                if known is None:
                    raise NotFromThisView("This belongs to no study of this case.")
                self._rename(dataset)
                _put_back(known, dataset)
                return _written(file)
            except (AttributeError, TypeError, ValueError, NotImplementedError) as problem:
                raise NotFromThisView("This file cannot be written for the archive.") from problem

    def _rename(self, dataset: Dataset) -> None:
        for element in dataset:
            if element.VR == "SQ":
                for item in element.value or ():
                    self._rename(item)
            elif element.VR == "UI" and element.value:
                values = element.value if element.VM > 1 else [element.value]
                real = [self.real(str(one)) or str(one) for one in values]
                element.value = real if len(real) > 1 else real[0]


def _put_back(study: Dataset, dataset: Dataset) -> None:
    """The patient's and the study's attributes as the archive has them, in place of pseudonyms."""
    for keyword in (*PATIENT_AND_STUDY, *_SAID_OF_REMOVAL):
        if keyword in dataset:
            del dataset[keyword]
    for keyword in PATIENT_AND_STUDY:
        element = study.get(Tag(keyword))
        if isinstance(element, DataElement):
            value = str(element.value) if element.VR == "PN" else element.value
            dataset.add(DataElement(element.tag, element.VR, value, validation_mode=config.IGNORE))


def _written(file: Opened) -> bytes:
    """The file again, its text in UTF-8, its pixels as they were. What was deflated is not any more."""
    dataset, syntax = file.dataset, file.TransferSyntaxUID
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_deflated else syntax
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    whole = Dataset(dataset)
    whole.file_meta = meta
    whole.SpecificCharacterSet = "ISO_IR 192"
    stream = io.BytesIO()
    dcmwrite(stream, whole, enforce_file_format=True)
    file.file.seek(file.pixels_at)
    shutil.copyfileobj(file.file, stream)
    return stream.getvalue()


def _reader(dataset: Json) -> Callable[[int], Texts]:
    def texts(tag: int) -> Texts:
        element = dataset.get(f"{tag:08X}")
        values = element.get("Value") if isinstance(element, dict) else None
        return tuple(str(one) for one in values if one is not None) if values else ()

    return texts
