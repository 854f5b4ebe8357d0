"""What a picture is drawn from: an instance's header and frames, and which instance stands for a
series or a study."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from server.archive import ArchiveUnavailable, NotInArchive
from server.dicomweb.framing import FrameUnreadable, Place
from server.dicomweb.scope import Pass, outside
from server.dicomweb.sources import open_frames
from server.dicomweb.withheld import as_json, header_of, prepared_dataset

# Modalities without pixels, or with pixels that say nothing alone (PS3.3 C.7.3.1.1.1).
NO_PICTURE = frozenset({"SR", "KO", "PR", "SEG", "DOC", "REG", "RTSTRUCT", "RTPLAN"})

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_TECHNIQUE = (
    ("StudyDate", ""),
    ("Modality", ""),
    ("SeriesDescription", ""),
    ("KVP", " kV"),
    ("XRayTubeCurrent", " mA"),
    ("SliceThickness", " mm"),
    ("SliceLocation", " mm"),
    ("RepetitionTime", " ms TR"),
    ("EchoTime", " ms TE"),
)


class Pictured:
    """One instance, open for drawing. Raises StudyOutsideGrant when there is none."""

    def __init__(self, pass_: Pass, place: Place) -> None:
        self._place = place
        self._pseudonymised = pass_.view.pseudonymised
        self.frames = open_frames(pass_, place)
        self.count = self.frames.count
        try:
            self.header = _header(pass_, place)
        except BaseException:
            self.frames.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.frames.close()

    def lines(
        self, pass_: Pass, number: int, annotations: tuple[str, ...]
    ) -> tuple[list[str], list[str]]:
        """The text in the left and in the right corner, as this caller may read it."""
        shown = pass_.view.json(as_json(self.header))
        if shown is None:
            raise outside()
        said = Dataset.from_json(shown, bulk_data_uri_handler=lambda *_: b"")
        left = [_text(said, name) for name in _PATIENT] if "patient" in annotations else []
        right: list[str] = []
        if "technique" in annotations:
            named = ((_text(said, name), unit) for name, unit in _TECHNIQUE)
            right = [text + unit for text, unit in named if text]
            right.append(f"frame {number}" if self.count > 1 else "")
        return left, right

    def profile(self) -> bytes | None:
        """The ICC profile that the instance brings with it, which may hold text about a site."""
        if self._pseudonymised:
            return None
        path = self.header.get("OpticalPathSequence") or [self.header]
        found = path[0].get("ICCProfile")
        return bytes(found) if found else None


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    if value is None:
        return ""
    several = value if isinstance(value, list) else [value]
    text = " ".join(str(one) for one in several)
    if name == "PatientName":
        text = text.partition("=")[0].replace("^", " ")
    return text.strip()[:64]


def _header(pass_: Pass, place: Place) -> Dataset:
    try:
        return header_of(pass_, place)
    except ArchiveUnavailable:
        dataset = prepared_dataset(pass_, place)
        if dataset is None:
            raise
        header = Dataset.from_json(dataset, bulk_data_uri_handler=lambda *_: b"")
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return header


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
