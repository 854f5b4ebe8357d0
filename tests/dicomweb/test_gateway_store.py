"""STOW-RS through the gateway: what readers may write back, and nothing else."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from server.dicomweb.storing.sent import (
    CANNOT_UNDERSTAND,
    CLASS_NOT_SUPPORTED,
    DOES_NOT_MATCH,
    DUPLICATE_INSTANCE,
    NOT_AUTHORISED,
    SYNTAX_NOT_SUPPORTED,
)
from tests.archive.files import ct_slice, written
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app
from tests.dicomweb.samples import multipart, parts_of, segmentation

pytestmark = pytest.mark.orthanc
NEW = f"{samples.WRITABLE}.50"


def seg(number: int, **changes: str) -> bytes:
    return written(segmentation(f"{NEW}.{number}", NEW, **changes))


def store(caller: Caller, *files: bytes, path: str = "/studies") -> object:
    body, content_type = multipart(*files)
    return caller.post(path, body, content_type)


def failures(response, sequence: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in response.json[sequence]["Value"]]


def test_a_segmentation_is_stored_with_its_author_beside_it(insider: Caller, archive) -> None:
    response = store(insider, seg(1), path=f"/studies/{samples.WRITABLE}")
    assert response.status_code == 200
    assert response.content_type == "application/dicom+json"
    assert response.headers["Cache-Control"] == "no-store"
    study = f"http://localhost/dicom-web/studies/{samples.WRITABLE}"
    assert response.json["00081190"]["Value"] == [study]
    (item,) = response.json["00081199"]["Value"]
    assert item["00081155"]["Value"] == [f"{NEW}.1"]
    url = item["00081190"]["Value"][0]
    assert url == f"{study}/series/{NEW}/instances/{NEW}.1"
    (orthanc_id,) = archive.candidates(samples.WRITABLE, NEW, f"{NEW}.1")
    assert archive.author(orthanc_id) == "insider"
    got = insider.get(url.removeprefix("http://localhost/dicom-web"), "application/dicom")
    assert dcmread(io.BytesIO(got.data)).Modality == "SEG"


def test_sequences_that_would_end_the_archive_are_refused(insider: Caller, archive) -> None:
    deep = segmentation(f"{NEW}.70", NEW)
    inner = deep
    for _ in range(60):
        inner.ContentSequence = [Dataset()]
        inner = inner.ContentSequence[0]
    response = store(insider, written(deep), seg(71))
    assert response.status_code == 202
    assert failures(response) == [CANNOT_UNDERSTAND]
    (item,) = response.json["00081199"]["Value"]
    assert item["00081155"]["Value"] == [f"{NEW}.71"]
    assert archive.system()


def test_storing_the_same_again_is_no_failure(insider: Caller) -> None:
    assert store(insider, seg(2)).status_code == 200
    assert store(insider, seg(2)).status_code == 200


def test_the_same_uid_with_other_contents_is_a_duplicate(insider: Caller) -> None:
    assert store(insider, seg(3)).status_code == 200
    other = segmentation(f"{NEW}.3", NEW)
    other.PixelData = bytes(8)
    response = store(insider, written(other))
    assert (response.status_code, failures(response)) == (409, [DUPLICATE_INSTANCE])


def test_a_program_in_the_preamble_is_not_kept(insider: Caller, archive) -> None:
    file = b"MZ" + b"\x90" * 126 + seg(4)[128:]
    assert store(insider, file).status_code == 200
    (orthanc_id,) = archive.candidates(samples.WRITABLE, NEW, f"{NEW}.4")
    assert archive.instance_file(orthanc_id) == bytes(128) + file[128:]


def test_each_part_is_judged_by_itself(insider: Caller, archive) -> None:
    image = written(ct_slice(samples.INSIDE, samples.WRITABLE, NEW, 90))
    before = archive.statistics().instances
    response = store(insider, seg(5), image, b"not DICOM", seg(6))
    assert response.status_code == 202
    assert len(response.json["00081199"]["Value"]) == 2
    assert failures(response) == [CLASS_NOT_SUPPORTED]
    assert failures(response, "0008119A") == [CANNOT_UNDERSTAND]
    assert archive.statistics().instances == before + 2


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (seg(7, study=samples.OTHER, PatientID=samples.OTHER_PATIENT), NOT_AUTHORISED),
        (seg(7, study=samples.NOT_OF_CASE), NOT_AUTHORISED),
        (seg(7, study="1.2.826.404"), NOT_AUTHORISED),
        (seg(7, PatientID="ANOTHER"), DOES_NOT_MATCH),
        (written(ct_slice(samples.INSIDE, samples.WRITABLE, NEW, 91)), CLASS_NOT_SUPPORTED),
    ],
)
def test_nothing_is_stored_beyond_the_grant_or_of_another_kind(
    insider: Caller, archive, file: bytes, reason: int
) -> None:
    before = archive.statistics()
    response = store(insider, file)
    assert (response.status_code, failures(response)) == (409, [reason])
    assert archive.statistics() == before


@pytest.mark.parametrize("image", [f"{samples.PORTAL}.1", f"{samples.WRITABLE}.1.1"])
def test_nothing_is_stored_under_the_uid_of_an_image_of_the_case(
    insider: Caller, archive, image: str
) -> None:
    before = archive.statistics()
    response = store(insider, written(segmentation(image, f"{NEW}.9")))
    assert (response.status_code, failures(response)) == (409, [DUPLICATE_INSTANCE])
    assert archive.statistics() == before


def test_a_series_is_gone_on_with_only_by_whoever_began_it(insider: Caller, archive) -> None:
    assert store(insider, seg(60)).status_code == 200
    stranger = HandMadeScope(frozenset({samples.WRITABLE}), owns_all=False)
    caller = Caller(gateway_app(archive, {"stranger": stranger}).test_client(), "stranger")
    for series in (NEW, f"{samples.WRITABLE}.1"):
        response = store(caller, written(segmentation(f"{NEW}.61", series)))
        assert (response.status_code, failures(response)) == (409, [NOT_AUTHORISED])
    own = written(segmentation(f"{NEW}.62.1", f"{NEW}.62"))
    assert store(caller, own).status_code == 200


def test_a_part_for_another_study_than_the_paths_is_refused(insider: Caller) -> None:
    response = store(insider, seg(8), path=f"/studies/{samples.CASE_PRIOR}")
    assert (response.status_code, failures(response)) == (409, [DOES_NOT_MATCH])


def test_an_archive_grant_opens_no_new_study(callers: dict[str, Caller], archive) -> None:
    before = archive.statistics()
    response = store(callers["archive"], seg(9, study="1.2.826.404"))
    assert (response.status_code, failures(response)) == (409, [NOT_AUTHORISED])
    assert archive.statistics() == before


def test_a_reader_without_the_right_to_annotate_stores_nothing(
    callers: dict[str, Caller], archive
) -> None:
    before = archive.statistics()
    response = store(callers["reader"], seg(10))
    assert (response.status_code, response.json["error"]["code"]) == (403, "may_not_store")
    assert archive.statistics() == before


def test_a_foreign_study_in_the_path_is_not_found(insider: Caller) -> None:
    for study in (samples.OTHER, "1.2.826.404"):
        assert store(insider, seg(11), path=f"/studies/{study}").status_code == 404


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/dicom+json", 415),
        ('multipart/related; type="application/dicom+xml"; boundary=edge', 415),
        ('multipart/related; type="application/dicom+json"; boundary=edge', 400),
        ("multipart/form-data; boundary=edge", 415),
        ("", 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary="other"', 400),
    ],
)
def test_a_body_of_another_kind_is_refused(insider: Caller, content_type: str, status: int) -> None:
    assert insider.post("/studies", multipart(seg(12))[0], content_type).status_code == status


def test_a_packed_body_is_refused_and_not_called_broken(insider: Caller) -> None:
    packed, how = gzip.compress(seg(15)), {"Content-Encoding": "gzip"}
    assert insider.post("/studies", packed, "application/dicom", **how).status_code == 415


@pytest.mark.parametrize("cut", [10, 300, -12])
def test_half_a_body_is_refused(insider: Caller, cut: int) -> None:
    body, content_type = multipart(seg(13))
    assert insider.post("/studies", body[:cut], content_type).status_code == 400


def test_an_empty_multipart_body_is_refused(insider: Caller) -> None:
    body, content_type = multipart()
    assert insider.post("/studies", body, content_type).status_code == 400


def test_a_part_that_is_not_called_dicom_is_not_read(insider: Caller) -> None:
    body, _ = multipart(seg(14), content_type="text/html")
    response = insider.post(
        "/studies", body, 'multipart/related; type="application/dicom"; boundary=edge'
    )
    assert (response.status_code, failures(response, "0008119A")) == (409, [CANNOT_UNDERSTAND])


# One file alone


@pytest.mark.parametrize(
    ("number", "content_type"),
    [
        (82, "multipart/related; type=application/dicom; boundary=edge"),
        (83, 'Multipart/Related;Type="application/DICOM";Boundary="edge"'),
        (84, "multipart/related; boundary=edge; type=application/dicom"),
        (85, 'multipart/related; type="application/dicom; transfer-syntax=*"; boundary=edge'),
    ],
)
def test_a_body_may_be_named_with_and_without_quotation_marks(
    insider: Caller, number: int, content_type: str
) -> None:
    body, _ = multipart(seg(number))
    assert insider.post("/studies", body, content_type).status_code == 200
    unnamed = body.replace(b"Content-Type: application/dicom\r\n", b"")
    assert insider.post("/studies", unnamed, content_type).status_code == 200


def test_the_answer_is_of_the_media_type_that_was_asked_for(insider: Caller) -> None:
    for accept in ("application/json", "application/dicom+json"):
        answer = insider.post("/studies", seg(20), "application/dicom", Accept=accept)
        assert answer.content_type == accept


def test_one_file_may_come_without_a_wrapping(insider: Caller) -> None:
    response = insider.post("/studies", seg(20), "application/dicom")
    assert response.status_code == 200
    (item,) = response.json["00081199"]["Value"]
    assert item["00081155"]["Value"] == [f"{NEW}.20"]
    assert insider.post("/studies", b"no DICOM", "application/dicom").status_code == 409
    assert insider.post("/studies", b"", "application/dicom").status_code == 400


# Metadata with bulk data beside it


PIXELS = "http://client.example/bulk/1"


def described(number: int, **changes: object) -> dict[str, object]:
    """A segmentation in the DICOM JSON Model whose pixels are elsewhere."""
    said = segmentation(f"{NEW}.{number}", NEW).to_json_dict()
    said["7FE00010"] = {"vr": "OB", "BulkDataURI": PIXELS}
    return {**said, **changes}


def parted(*parts: tuple[str, str, bytes]) -> tuple[bytes, str]:
    """A body of parts (Content-Type, Content-Location, bytes), and its Content-Type."""
    body = b""
    for content_type, location, content in parts:
        head = f"--edge\r\nContent-Type: {content_type}\r\n"
        head += f"Content-Location: {location}\r\n" if location else ""
        body += head.encode() + b"\r\n" + content + b"\r\n"
    kind = 'multipart/related; type="application/dicom+json"; boundary=edge'
    return body + b"--edge--\r\n", kind


def test_an_instance_is_made_of_metadata_and_bulk_data(insider: Caller) -> None:
    pixels = segmentation(f"{NEW}.21", NEW).PixelData
    metadata = json.dumps([described(21)]).encode()
    body, kind = parted(
        ("application/dicom+json", "", metadata),
        ("application/octet-stream", PIXELS, pixels),
    )
    response = insider.post(f"/studies/{samples.WRITABLE}", body, kind)
    assert response.status_code == 200, response.text
    url = response.json["00081199"]["Value"][0]["00081190"]["Value"][0]
    path = url.removeprefix("http://localhost/dicom-web")
    got = dcmread(io.BytesIO(insider.get(path, "application/dicom").data))
    assert (got.SOPInstanceUID, got.PixelData) == (f"{NEW}.21", pixels)


def test_compressed_bulk_data_becomes_fragments(insider: Caller) -> None:
    rle = "1.2.840.10008.1.2.5"
    compressed = segmentation(f"{NEW}.22", NEW)
    compressed.BitsAllocated = compressed.BitsStored = 8
    compressed.HighBit = 7
    compressed.PixelData = bytes(range(64))
    said = compressed.to_json_dict()
    said["7FE00010"] = {"vr": "OB", "BulkDataURI": PIXELS}
    compressed.compress(rle, generate_instance_uid=False)
    (frame,) = generate_frames(compressed.PixelData, number_of_frames=1)
    body, kind = parted(
        ("application/dicom+json", "", json.dumps(said).encode()),
        (f"image/dicom-rle; transfer-syntax={rle}", PIXELS, frame),
    )
    assert insider.post("/studies", body, kind).status_code == 200
    path = f"/studies/{samples.WRITABLE}/series/{NEW}/instances/{NEW}.22"
    ((_, native),) = parts_of(
        insider.get(f"{path}/frames/1", 'multipart/related; type="application/octet-stream"')
    )
    assert native == bytes(range(64))


def test_metadata_that_makes_no_instance_fails_by_itself(insider: Caller) -> None:
    bad_number = described(24)
    bad_number["00280010"] = {"vr": "US", "Value": ["eight"]}
    metadata = [described(23), bad_number, {"00100010": {"vr": "PN"}}]
    body, kind = parted(
        ("application/dicom+json", "", json.dumps(metadata).encode()),
        ("application/octet-stream", PIXELS, bytes(8)),
    )
    response = insider.post("/studies", body, kind)
    assert response.status_code == 202
    assert failures(response) == [CANNOT_UNDERSTAND]
    assert failures(response, "0008119A") == [CANNOT_UNDERSTAND]


def test_bulk_data_that_was_not_sent_or_cannot_be_kept_fails(insider: Caller) -> None:
    metadata = json.dumps(described(25)).encode()
    missing, kind = parted(("application/dicom+json", "", metadata))
    response = insider.post("/studies", missing, kind)
    assert (response.status_code, failures(response)) == (409, [CANNOT_UNDERSTAND])
    unknown, kind = parted(
        ("application/dicom+json", "", metadata),
        ("application/octet-stream; transfer-syntax=1.2.3.4", PIXELS, bytes(8)),
    )
    response = insider.post("/studies", unknown, kind)
    assert (response.status_code, failures(response)) == (409, [SYNTAX_NOT_SUPPORTED])


@pytest.mark.parametrize(
    "parts",
    [
        [("application/dicom+json", "", b"{")],
        [("application/dicom+json", "", b'["x"]')],
        [("application/octet-stream", "", b"12")],
        [],
    ],
)
def test_a_body_without_metadata_is_a_bad_request(
    insider: Caller, parts: list[tuple[str, str, bytes]]
) -> None:
    body, kind = parted(*parts)
    assert insider.post("/studies", body, kind).status_code == 400
