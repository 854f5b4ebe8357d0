"""What a picture is drawn from: an instance's header and frames."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from server.archive import ArchiveUnavailable
from server.dicomweb.delivery.withheld import as_json, header_of, prepared_dataset
from server.dicomweb.pixels.framing import Place
from server.dicomweb.pixels.sources import open_frames
from server.dicomweb.views.scope import Pass, outside

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
    """From the file; while Orthanc is away, or hangs, from what was prepared."""
    is_away = pass_.holdings.study(place.study) is None
    prepared = _prepared_header(pass_, place) if is_away else None
    if prepared is not None:
        return prepared
    try:
        return header_of(pass_, place)
    except ArchiveUnavailable:
        prepared = _prepared_header(pass_, place)
        if prepared is None:
            raise
        return prepared


def _prepared_header(pass_: Pass, place: Place) -> Dataset | None:
    dataset = prepared_dataset(pass_, place)
    if dataset is None:
        return None
    header = Dataset.from_json(dataset, bulk_data_uri_handler=lambda *_: b"")
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header
