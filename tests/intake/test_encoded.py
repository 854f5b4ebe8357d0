"""What is read out of an image's bytes on its way into Orthanc, against files that pydicom wrote."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RawDataStorage,
)

from orthanc import encoded
from orthanc.encoded import MOST_DEEP, NotPlain, inflated, is_too_deep, outline
from server.dicom import nesting
from server.dicom.files import RefusedFile
from server.intake.arrivals import holding, instances
from server.intake.arrivals.instances import INFLATES_TO_MORE, check_instance
from server.intake.lines.orthanc_log import FAULTS
from server.intake.lines.refusals import IN_WORDS
from server.intake.uploads import kinds
from tests.archive.files import ct_slice, written

STUDY = "1.2.826.0.1.3680043.8.498.9931"
NAMED = [STUDY, f"{STUDY}.1", f"{STUDY}.1.1"]
# The mark of an item, again and again: pixels may hold any bytes.
LIKE_ITEMS = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 192
UNPACKED = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
SYNTAXES = (*UNPACKED, JPEGLSLossless)


def image(syntax: UID = ExplicitVRLittleEndian, patient: str = "PAT 7") -> Dataset:
    made = ct_slice(patient, STUDY, f"{STUDY}.1", 1, syntax)
    made.PixelData = LIKE_ITEMS
    if syntax == JPEGLSLossless:
        made.PixelData = encapsulate([LIKE_ITEMS, LIKE_ITEMS[:700]])
    return made


def nested(made: Dataset, depth: int, *, open_ended: bool = False) -> Dataset:
    """With ContentSequence holding itself `depth` deep."""
    for _ in range(depth):
        inner = made.get("ContentSequence")
        made.ContentSequence = Sequence([Dataset()])
        made["ContentSequence"].is_undefined_length = open_ended
        if inner is not None:
            made.ContentSequence[0].ContentSequence = inner
    return made


def private_before_everything(made: Dataset) -> None:
    block = made.private_block(0x0009, "SOMEBODY", create=True)
    inner = Dataset()
    inner.PatientID = "NOT THIS"
    inner.SOPInstanceUID = "1.2.3"
    block.add_new(1, "SQ", Sequence([inner, Dataset()]))
    block.add_new(2, "OB", bytes(3000))
    block.add_new(3, "UN", b"whatever")
    block.add_new(4, "UT", "long " * 30000)


def padded_uids(made: Dataset) -> None:
    made.StudyInstanceUID = UID(f"{STUDY}.22")  # of odd length, like the others it is padded
    made.SOPInstanceUID = UID(f"{STUDY}.1.10")


def group_lengths(made: Dataset) -> None:
    made.add(DataElement(0x00080000, "UL", 4711))
    made.add(DataElement(0x00200000, "UL", 4712))


def the_same(made: Dataset) -> None:
    pass


def read(file: bytes) -> list[str]:
    return outline(inflated(file)).identifiers()


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda one: str(one.name))
@pytest.mark.parametrize(
    "change", [the_same, private_before_everything, padded_uids, group_lengths]
)
def test_the_identifiers_are_read_as_pydicom_wrote_them(
    syntax: UID, change: Callable[[Dataset], None]
) -> None:
    made = image(syntax)
    change(made)
    file = written(made)
    uids = [made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID]
    assert read(file) == ["PAT 7", *uids]
    plain = inflated(file)
    assert not is_too_deep(plain, outline(plain).may_nest)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda one: str(one.name))
def test_pixels_are_never_searched(syntax: UID) -> None:
    file = inflated(written(nested(image(syntax), 3)))
    places = outline(file).may_nest
    start = file.index(LIKE_ITEMS)
    assert all(end <= start or begin >= start + len(LIKE_ITEMS) for begin, end in places)
    assert sum(file.count(mark, *place) for place in places for mark in encoded.ITEM.values()) == 3
    assert all(one[1] <= other[0] for one, other in pairwise(places))


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda one: str(one.name))
@pytest.mark.parametrize("open_ended", [False, True])
def test_sequences_are_as_deep_by_the_quick_way_as_by_the_slow_one_and_by_pydicom(
    syntax: UID, open_ended: bool
) -> None:
    for depth, expected in ((MOST_DEEP - 1, False), (MOST_DEEP, True)):
        made = nested(image(syntax), depth, open_ended=open_ended)
        made.PixelData = bytes(1536)
        if syntax == JPEGLSLossless:
            made.PixelData = encapsulate([bytes(1536)])
        file = written(made)
        assert (nesting.why_not_read(io.BytesIO(file)) == nesting.TOO_DEEP) is expected
        file = inflated(file)
        assert is_too_deep(file) is expected
        if open_ended:
            with pytest.raises(NotPlain):
                outline(file)
        else:
            assert is_too_deep(file, outline(file).may_nest) is expected


@pytest.mark.parametrize("syntax", sorted(encoded.DEFLATED))
def test_what_is_deflated_is_inflated_before_it_is_searched(syntax: bytes) -> None:
    plain = written(nested(image(), MOST_DEEP))
    start = encoded.dataset_offset(plain)
    head = plain[:start].replace(
        b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x18\0" + syntax.ljust(24, b"\0")
    )
    packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    file = head + packed.compress(plain[start:]) + packed.flush()
    assert is_too_deep(inflated(file))
    assert not is_too_deep(file)


def test_an_upload_that_is_deflated_is_not_unpacked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.dcm"
    made = image(DeflatedExplicitVRLittleEndian)
    made.Rows = made.Columns = 1024
    made.PixelData = bytes(2 * 1024 * 1024)
    file.write_bytes(written(made))
    assert file.stat().st_size < 10_000
    assert isinstance(check_instance(file, "one.dcm"), instances.Instance)
    monkeypatch.setattr(instances, "MOST_INFLATED_BYTES", 2 * 1024 * 1024)
    assert check_instance(file, "one.dcm") == RefusedFile("one.dcm", INFLATES_TO_MORE)


def test_the_receiver_and_uploads_have_the_same_limits() -> None:
    """Orthanc's own Python runs the receiver, with the standard library alone: its numbers stand twice."""
    assert MOST_DEEP == nesting.MOST_DEEP
    assert encoded.MOST_PIXEL_BYTES == instances.MOST_PIXEL_BYTES
    assert encoded.DOCUMENT_HEAD_BYTES == kinds.HEAD_BYTES
    assert encoded.PDF_MAGIC == kinds.PDF_MAGIC
    assert set(encoded.WEB_PAGE) == set(kinds.WEB_PAGE)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGLSLossless],
    ids=lambda one: str(one.name),
)
def test_what_lies_deep_behind_the_pixels_or_in_unknown_bytes_is_found(syntax: UID) -> None:
    inner = b""
    for _ in range(MOST_DEEP):
        inner = (
            b"\x09\x00\x10\x10"
            + struct.pack("<L", len(inner) + 8)
            + b"\xfe\xff\x00\xe0"
            + (struct.pack("<L", len(inner)) + inner)
        )
    for tag in (0x00091011, 0x7FE11011):
        made = image(syntax)
        made.add(DataElement(tag & 0xFFFF0000 | 0x10, "LO", "SOMEBODY"))
        made.add(DataElement(tag, "UN", inner))
        file = written(made)
        assert is_too_deep(file, outline(file).may_nest), hex(tag)


@pytest.mark.filterwarnings("ignore:The PN component")  # pydicom's, the name holds the identifier
@pytest.mark.parametrize("patient", ["", "PAT 7", "  PAT 7  ", "a.b/c-d_e:f|g{h}", "7" * 64])
def test_a_patient_id_of_plain_letters_is_read(patient: str) -> None:
    assert read(written(image(patient=patient)))[0].strip() == patient.strip()


@pytest.mark.parametrize(
    ("charset", "patient"),
    [
        ("ISO_IR 192", "Müller"),
        ("ISO_IR 100", "Müller"),
        ("ISO_IR 13", "A¥B"),
        ("GB18030", "王"),
        ("ISO_IR 192", "one\\two"),
        ("ISO_IR 192", "wavy~line"),
        ("ISO_IR 192", "7" * 65),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about the values that are too long
def test_a_patient_id_that_has_to_be_understood_first_is_left_to_orthanc(
    charset: str, patient: str
) -> None:
    made = image()
    made.SpecificCharacterSet = charset
    made.PatientID = patient
    file = written(made)
    with pytest.raises(NotPlain):
        read(file)
    assert outline(file).may_nest == ()


def test_a_patient_id_that_is_missing_is_empty_and_a_missing_uid_is_left_to_orthanc() -> None:
    made = image()
    del made.PatientID
    assert read(written(made)) == ["", *NAMED]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        less = image()
        less.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
        delattr(less, keyword)
        with pytest.raises(NotPlain):
            read(written(less))
        setattr(less, keyword, "")
        with pytest.raises(NotPlain):
            read(written(less))


def test_bytes_that_are_not_what_they_should_be_are_left_to_the_slow_way() -> None:
    made = image()
    made.PixelData = bytes(1536)
    whole = written(made)
    at = whole.index(b"\x10\x00\x20\x00LO")  # PatientID
    broken = {
        "cut in the pixels": whole[:-1],
        "cut in a head": whole[: at + 5],
        "something behind the end": whole + b"\0",
        "a length over the end": whole[: at + 6] + b"\xff\xff" + whole[at + 8 :],
        "an unknown form": whole[: at + 4] + b"XX" + whole[at + 6 :],
        "an element twice": whole.replace(whole[at : at + 14], whole[at : at + 14] * 2),
        "out of order": whole[: at + 14] + b"\x08\x00\x06\x00LO\x00\x00" + whole[at + 14 :],
        "no syntax": whole.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"),
        "a syntax of a maker": whole.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0"),
        "nothing": b"",
        "not DICOM": b"%PDF-1.7" + bytes(300),
    }
    for name, file in broken.items():
        with pytest.raises(NotPlain):
            pytest.fail(f"{name}: {read(file)}")
        assert not is_too_deep(file), name


def test_fragments_that_lead_astray_are_left_to_the_slow_way() -> None:
    whole = written(image(JPEGLSLossless))
    end = whole.rindex(b"\xfe\xff\xdd\xe0")
    first = whole.index(b"OB\0\0\xff\xff\xff\xff") + 8
    for file in (
        whole[:end],
        whole[:end] + b"\xfe\xff\xdd\xe0\1\0\0\0",
        whole[:first] + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + whole[first + 8 :],
        whole[:first] + b"\xfe\xff\x00\xe0\xff\xff\xff\x7f" + whole[first + 8 :],
    ):
        with pytest.raises(NotPlain):
            outline(file)


def as_it_is(made: Dataset) -> None:
    pass


def cut_off(made: Dataset) -> None:
    made.PixelData = made.PixelData[:-2]


def absurd(made: Dataset) -> None:
    made.Rows = made.Columns = 65535
    made.NumberOfFrames = 60000


def cut_off_without_frames(made: Dataset) -> None:
    cut_off(made)
    made.NumberOfFrames = 0


def cut_between_two_elements(made: Dataset) -> None:
    """A lawful object, but no image: the header's end is where the sender's file ended."""
    del made.PixelData


def cut_before_its_rows(made: Dataset) -> None:
    del made.Rows, made.PixelData


def no_picture(made: Dataset) -> None:
    del made.Rows, made.PixelData
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = RawDataStorage


def as_large_as_taken(made: Dataset) -> None:
    """32,000 x 31,250 x 16 pixels of 16 bits, which are MOST_PIXEL_BYTES."""
    made.Rows, made.Columns, made.NumberOfFrames, made.BitsAllocated = 32_000, 31_250, 16, 16


def a_row_too_large(made: Dataset) -> None:
    as_large_as_taken(made)
    made.Rows += 1


def in_colour_and_halved(made: Dataset) -> None:
    made.SamplesPerPixel, made.PhotometricInterpretation = 3, "YBR_FULL_422"
    made.PixelData = made.PixelData * 2


def a_document(content: bytes) -> Callable[[Dataset], None]:
    def change(made: Dataset) -> None:
        del made.Rows, made.PixelData
        made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
        made.MIMETypeOfEncapsulatedDocument = "application/pdf"
        made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (as_it_is, ""),
        (cut_off, encoded.SHORT),
        (cut_off_without_frames, encoded.SHORT),
        (absurd, encoded.ABSURD),
        (cut_between_two_elements, encoded.SHORT),
        (cut_before_its_rows, encoded.SHORT),
        (no_picture, ""),
        (as_large_as_taken, encoded.SHORT),
        (a_row_too_large, encoded.ABSURD),
        (in_colour_and_halved, ""),
        (a_document(b"%PDF-1.7 whole %%EOF"), ""),
        (a_document(b"<!DOCTYPE html><script>alert(1)</script>"), encoded.NO_PDF),
        (a_document(b"%PDF-1.4 <html><body>"), encoded.NO_PDF),
        (a_document(b"MZ a program"), encoded.NO_PDF),
    ],
)
@pytest.mark.parametrize("syntax", UNPACKED, ids=lambda one: str(one.name))
def test_the_receiver_refuses_what_an_upload_refuses(
    syntax: UID, change: Callable[[Dataset], None], fault: str, tmp_path: Path
) -> None:
    made = ct_slice("PAT", STUDY, f"{STUDY}.1", 1, syntax)
    change(made)
    file = written(made)
    plain = inflated(file)
    assert encoded.fault_of(plain, outline(plain)) == fault
    (tmp_path / "one.dcm").write_bytes(file)
    assert isinstance(check_instance(tmp_path / "one.dcm", "one.dcm"), RefusedFile) == bool(fault)


def test_both_know_the_same_images_that_are_nothing_without_pixels() -> None:
    assert {one.decode() for one in encoded.IMAGES} == instances.IMAGES


def test_the_faults_have_words_for_people() -> None:
    assert {encoded.ABSURD, encoded.SHORT, encoded.NO_PDF} == set(FAULTS)
    assert set(FAULTS) <= IN_WORDS.keys()
    for one in FAULTS:
        assert one not in holding.faulty({("RIVERSIDE", one): 1})[0].text.split()
