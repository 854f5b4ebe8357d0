"""A case's view under pseudonyms: what it withholds, what it says, and the way back."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)

from server.dicomweb.views.pseudonyms import NotFromThisView, PseudonymisedView
from tests.archive.files import blank, ct_slice, written
from tests.dicom.planted import MARK, identity_in
from tests.dicomweb import samples

STUDY, SERIES = "1.2.826.300", "1.2.826.300.1"
REAL = "1.2.826.300.1.1"


class Known:
    """The UIDs of a case, counting how often they were asked for."""

    def __init__(self, *uids: str) -> None:
        self.uids = list(uids)
        self.asked = 0

    def __call__(self) -> Iterator[str]:
        self.asked += 1
        yield from self.uids


def study_of(uid: str) -> Dataset | None:
    if uid != STUDY:
        return None
    study = blank(BasicTextSRStorage, "INSIDE-1", STUDY, "1.2", "1.2.3")
    study.PatientName = "Müller^Hans"
    return study


def file_of(data: bytes) -> bytes | None:
    """A file as the view shows it, whole."""
    shown = view().file(io.BytesIO(data))
    return None if shown is None else b"".join(shown.chunks())


def view(*uids: str) -> PseudonymisedView:
    known = Known(*(uids or (STUDY, SERIES, REAL, f"{STUDY}.9")))
    return PseudonymisedView(b"k" * 32, "M-2026-00001", known, study_of)


def json_of(dataset: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = dataset.to_json_dict(
        bulk_data_threshold=64,
        bulk_data_element_handler=lambda e: (
            f"http://x/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{REAL}/bulk/{e.tag:08x}"
        ),
    )
    return found


def test_the_way_back_is_found_for_twenty_thousand_uids_at_once() -> None:
    uids = [f"1.2.826.400.{number}" for number in range(20_000)]
    many = view(*uids)
    begun = time.thread_time()  # on a busy machine a clock would count what others do
    assert many.real(many.shown(uids[17])) == uids[17]
    assert time.thread_time() - begun < 1.0  # 0.07 s
    assert all(many.real(many.shown(uid)) == uid for uid in uids)


def test_an_archives_uid_is_nobodys_here() -> None:
    assert view().real(STUDY) is None
    assert view().real(MARK) is None
    assert view().real("") is None


def test_what_arrives_later_is_found_and_unknown_uids_do_not_ask_each_time() -> None:
    known = Known(STUDY)
    growing = PseudonymisedView(b"k" * 32, "M-2026-00001", known)
    assert growing.real(growing.shown(STUDY)) == STUDY
    known.uids.append(REAL)
    deadline = time.monotonic() + 10
    while growing.real(growing.shown(REAL)) is None:
        assert time.monotonic() < deadline
    assert known.asked == 2


def test_views_of_one_case_share_an_id_and_those_of_two_do_not() -> None:
    other = PseudonymisedView(b"o" * 32, "M-2026-00002", Known())
    assert view().id == view().id != other.id
    assert len(view().id) == 16
    assert view().shown(STUDY) != other.shown(STUDY)


def test_what_is_shown_says_that_identity_was_removed() -> None:
    shown = view().json(json_of(ct_slice("INSIDE-1", STUDY, SERIES, 1)))
    assert shown is not None
    assert shown["00120062"]["Value"] == ["YES"]
    assert shown["00280303"]["Value"] == ["UNMODIFIED"]
    codes = {one["00080100"]["Value"][0] for one in shown["00120064"]["Value"]}
    assert codes == {"113100", "113104", "113105", "113106", "113108"}
    pixels = shown["7FE00010"]["BulkDataURI"]
    assert pixels.startswith(f"http://x/dicom-web/studies/{view().shown(STUDY)}/series/2.25.")
    assert pixels.endswith("/bulk/7fe00010")


def test_file_and_json_say_the_same() -> None:
    data = written(ct_slice("INSIDE-1", STUDY, SERIES, 1))
    shown = file_of(data)
    assert shown is not None
    by_file = dcmread(io.BytesIO(shown))
    del by_file.PixelData
    by_json = view().json(json_of(dcmread(io.BytesIO(data))))
    assert by_json is not None
    assert set(by_file.to_json_dict()) == set(by_json) - {"7FE00010"}
    assert by_file.PatientID == by_json["00100020"]["Value"][0] == "M-2026-00001"


@pytest.mark.parametrize("kind", [samples.PDF, samples.CDA])
def test_documents_are_withheld(kind: str) -> None:
    document = samples.document(
        kind, EncapsulatedPDFStorage, f"%PDF-1.4 {MARK}".encode(), "application/pdf"
    )
    assert view().json(json_of(document)) is None
    assert file_of(written(document)) is None


def test_a_capture_shows_its_metadata_and_not_its_pixels() -> None:
    capture = ct_slice("INSIDE-1", STUDY, SERIES, 1)
    capture.SOPClassUID = capture.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    shown = view().json(json_of(capture))
    assert shown is not None
    assert "7FE00010" not in shown
    assert "Pixels withheld: burned-in identity possible" in shown["00120063"]["Value"]
    assert "burned-in" in view().pixels_withheld(json_of(capture))
    assert file_of(written(capture)) is None
    capture.BurnedInAnnotation = "NO"
    assert view().pixels_withheld(json_of(capture)) == ""
    assert file_of(written(capture)) is not None


def test_bytes_that_are_no_file_are_withheld() -> None:
    assert file_of(b"") is None
    assert file_of(MARK.encode() * 100) is None


def test_a_report_keeps_its_numbers_and_codes_and_loses_its_prose() -> None:
    report = samples.report()
    text, name, number = Dataset(), Dataset(), Dataset()
    text.ValueType, text.TextValue = "TEXT", f"Seen by Dr {MARK}"
    name.ValueType, name.PersonName = "PNAME", f"{MARK}^M"
    number.ValueType = "NUM"
    measured, unit = Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "mm", "UCUM", "mm"
    measured.NumericValue = "12.5"
    measured.MeasurementUnitsCodeSequence = Sequence([unit])
    number.MeasuredValueSequence = Sequence([measured])
    report.ContentSequence = Sequence([text, name, number])
    shown = file_of(written(report))
    assert shown is not None
    assert identity_in(shown) == []
    first, second = dcmread(io.BytesIO(shown)).ContentSequence
    assert first.TextValue == "(withheld)"
    assert second.MeasuredValueSequence[0].NumericValue == 12.5
    assert second.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "mm"


def drawn_on(seen: PseudonymisedView, deflated: bool = False) -> bytes:
    """A SEG that a reader made of what this view shows."""
    seg = samples.segmentation("2.25.111", "2.25.222", "M-2026-00001", seen.shown(STUDY))
    seg.PatientName = "CASE^M-2026-00001"
    seg.FrameOfReferenceUID = seen.shown(f"{STUDY}.9")
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = seen.shown(REAL)
    inside = Dataset()
    inside.SeriesInstanceUID = seen.shown(SERIES)
    inside.ReferencedInstanceSequence = Sequence([reference])
    seg.ReferencedSeriesSequence = Sequence([inside])
    seg.PatientIdentityRemoved = "YES"
    if deflated:
        seg.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return written(seg)


@pytest.mark.parametrize("deflated", [False, True])
def test_what_a_reader_drew_is_kept_under_the_archives_uids(deflated: bool) -> None:
    seen = view()
    before = dcmread(io.BytesIO(drawn_on(seen, deflated)))
    kept = dcmread(io.BytesIO(seen.incoming(drawn_on(seen, deflated))))
    assert kept.StudyInstanceUID == STUDY
    assert kept.FrameOfReferenceUID == f"{STUDY}.9"
    assert kept.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    reference = kept.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert reference.ReferencedSOPInstanceUID == REAL
    assert (kept.SOPInstanceUID, kept.SeriesInstanceUID) == ("2.25.111", "2.25.222")
    assert (kept.PatientID, kept.PatientName) == ("INSIDE-1", "Müller^Hans")
    assert "PatientIdentityRemoved" not in kept
    assert kept.PixelData == before.PixelData


def test_nobody_learns_by_storing_that_a_study_is_there() -> None:
    for study in (STUDY, "1.2.826.999"):
        seg = samples.segmentation("2.25.111", "2.25.222", "INSIDE-1", study)
        with pytest.raises(NotFromThisView):
            view().incoming(written(seg))
