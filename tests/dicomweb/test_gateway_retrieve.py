"""Metadata, instances, bulk data, pictures and documents through the gateway."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from server.archive import Archive
from tests.archive.files import ct_slice, written
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import parts_of

pytestmark = pytest.mark.orthanc

CASE = f"/studies/{samples.CASE}"
PORTAL = f"{CASE}/series/{samples.PORTAL}"
SLICE = f"{PORTAL}/instances/{samples.PORTAL}.2"
DOCUMENTS = f"{CASE}/series/{samples.DOCUMENTS}/instances"
JSON = "application/dicom+json"
FILES = 'multipart/related; type="application/dicom"'


# Metadata


@pytest.mark.parametrize(
    ("path", "count"), [(SLICE, 1), (PORTAL, samples.SLICES), (CASE, samples.SLICES + 8)]
)
def test_metadata_comes_at_three_levels(insider: Caller, path: str, count: int) -> None:
    response = insider.get(f"{path}/metadata", f'{JSON}, multipart/related; type="{JSON}"; q=0.1')
    assert response.content_type == JSON
    assert len(response.json) == count
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_bulk_data_addresses_are_ours_and_lead_to_the_bytes(insider: Caller) -> None:
    (item,) = insider.get(f"{DOCUMENTS}/{samples.PDF}/metadata").json
    uri = item["00420011"]["BulkDataURI"]
    assert uri == f"http://localhost/dicom-web{DOCUMENTS}/{samples.PDF}/bulk/00420011"
    response = insider.get(uri.removeprefix("http://localhost/dicom-web"), "*/*")
    assert response.data == samples.PDF_BYTES + b"\0"  # a value's length is even
    response = insider._client.get(
        f"/r/insider/dicom-web{DOCUMENTS}/{samples.PDF}/metadata", buffered=True
    )
    uri = response.json[0]["00420011"]["BulkDataURI"]
    assert uri == f"/r/insider/dicom-web{DOCUMENTS}/{samples.PDF}/bulk/00420011"


def test_the_pixels_are_a_value_too(insider: Caller) -> None:
    expected = ct_slice(samples.INSIDE, samples.CASE, samples.PORTAL, 2).PixelData
    response = insider.get(f"{SLICE}/bulk/7fe00010", "*/*")
    assert (response.data, response.content_type) == (expected, "application/octet-stream")
    wrapped = insider.get(
        f"{SLICE}/bulkdata/7fe00010", 'multipart/related; type="application/octet-stream"'
    )
    assert [content for _, content in parts_of(wrapped)] == [expected]


def test_metadata_that_has_not_changed_is_not_sent_again(
    callers: dict[str, Caller], archive
) -> None:
    study, caller = samples.NOT_OF_CASE, callers["archive"]
    series = f"{study}.77"
    archive.store_instance(written(ct_slice(samples.INSIDE, study, series, 1)))
    path = f"/studies/{study}/series/{series}/metadata"
    first = caller.get(path)
    tag = first.headers["ETag"]
    again = caller.get(path, **{"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    archive.store_instance(written(ct_slice(samples.INSIDE, study, series, 2)))
    grown = caller.get(path, **{"If-None-Match": tag})
    assert (grown.status_code, len(grown.json)) == (200, 2)


@pytest.mark.parametrize("accept", ["text/html", 'multipart/related; type="application/dicom+xml"'])
def test_metadata_is_never_anything_but_json(insider: Caller, accept: str) -> None:
    assert insider.get(f"{SLICE}/metadata", accept).status_code == 406


# Instances


def test_files_leave_as_they_are_stored(insider: Caller, archive) -> None:
    response = insider.get(PORTAL, f"{FILES}; transfer-syntax=*")
    files = [content for _, content in parts_of(response)]
    (series,) = archive.candidates(samples.CASE, samples.PORTAL)
    stored = [one.orthanc_id for one in archive.series_instances(series)]
    assert files == [archive.instance_file(one) for one in stored]
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_without_a_syntax_files_are_explicit_little_endian(insider: Caller) -> None:
    for _, content in parts_of(insider.get(PORTAL, FILES)):
        dataset = dcmread(io.BytesIO(content))
        assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert dataset.SeriesInstanceUID == samples.PORTAL


def test_a_file_may_come_alone_and_in_another_syntax(insider: Caller) -> None:
    bare = insider.get(SLICE, "application/dicom")
    assert bare.content_type == "application/dicom"
    jpeg_ls = insider.get(SLICE, f"{FILES}; transfer-syntax=1.2.840.10008.1.2.4.80")
    ((_, content),) = parts_of(jpeg_ls)
    compressed, plain = dcmread(io.BytesIO(content)), dcmread(io.BytesIO(bare.data))
    assert compressed.SOPInstanceUID == plain.SOPInstanceUID == f"{samples.PORTAL}.2"
    assert compressed.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
    assert (compressed.pixel_array == plain.pixel_array).all()


def test_a_compression_that_orthanc_does_not_know_is_undone_here(insider: Caller) -> None:
    instance = f"{CASE}/series/{samples.COMPRESSED}/instances/{samples.JPEG_2000}"
    for accept in (FILES, f"{FILES}; transfer-syntax=1.2.840.10008.1.2.1"):
        ((_, content),) = parts_of(insider.get(instance, accept))
        dataset = dcmread(io.BytesIO(content))
        assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert dataset.PixelData == samples.jpeg_2000_pixels()


def test_a_syntax_that_cannot_be_made_is_not_acceptable(insider: Caller) -> None:
    for syntax in ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.50", "1.2.3"):
        response = insider.get(SLICE, f"{FILES}; transfer-syntax={syntax}")
        assert response.status_code == 406
        assert "transfer-syntax=*" in response.json["error"]["remedy"]


def test_the_next_wish_is_tried_where_the_first_cannot_be_fulfilled(insider: Caller) -> None:
    first = f"{FILES}; transfer-syntax=1.2.840.10008.1.2.4.100"
    for path in (SLICE, PORTAL, CASE):
        answer = insider.get(path, f"{first}, {FILES}; transfer-syntax=1.2.840.10008.1.2.1;q=0.5")
        assert answer.status_code == 200, path
        for _, content in parts_of(answer):
            syntax = dcmread(io.BytesIO(content)).file_meta.TransferSyntaxUID
            assert syntax == "1.2.840.10008.1.2.1"
    assert insider.get(PORTAL, f"{first}, image/png").status_code == 406


def test_what_cannot_be_compressed_does_not_break_off_a_study(insider: Caller) -> None:
    jpeg_ls = "1.2.840.10008.1.2.4.80"
    answer = insider.get(CASE, f"{FILES}; transfer-syntax={jpeg_ls}")
    files = [dcmread(io.BytesIO(content)) for _, content in parts_of(answer)]
    everything = parts_of(insider.get(CASE, f"{FILES}; transfer-syntax=*"))
    assert len(files) == len(everything)
    given = {str(one.SOPInstanceUID): str(one.file_meta.TransferSyntaxUID) for one in files}
    assert given[f"{samples.PORTAL}.2"] == given[samples.RLE] == jpeg_ls
    assert given[samples.REPORT] == given[samples.MASKS] == "1.2.840.10008.1.2.1"
    reports = f"{CASE}/series/{samples.REPORTS}"
    assert insider.get(reports, f"{FILES}; transfer-syntax={jpeg_ls}").status_code == 406


def test_a_whole_study_comes_complete(insider: Caller) -> None:
    prior = parts_of(insider.get(f"/studies/{samples.CASE_PRIOR}", f"{FILES}; transfer-syntax=*"))
    uids = {dcmread(io.BytesIO(content)).SOPInstanceUID for _, content in prior}
    assert uids == {f"{samples.CASE_PRIOR}.1.1", f"{samples.CASE_PRIOR}.1.2"}


def test_a_film_leaves_as_it_is_stored_and_its_series_whole(
    callers: dict[str, Caller], archive: Archive
) -> None:
    study, mpeg_4 = samples.NOT_OF_CASE, "1.2.840.10008.1.2.4.102"
    series = f"{study}.78"
    film = ct_slice(samples.INSIDE, study, series, 1)
    film.file_meta.TransferSyntaxUID = UID(mpeg_4)
    film.PixelData = encapsulate([b"\0\0\0\x20ftypisom" + b"film" * 5])
    film["PixelData"].VR = "OB"
    for dataset in (film, ct_slice(samples.INSIDE, study, series, 2)):
        archive.store_instance(written(dataset))
    program, path = callers["archive"], f"/studies/{study}/series/{series}"
    answer = parts_of(program.get(path, FILES))
    files = {one.InstanceNumber: one for one in (dcmread(io.BytesIO(file)) for _, file in answer)}
    given = {number: str(one.file_meta.TransferSyntaxUID) for number, one in files.items()}
    assert given == {1: mpeg_4, 2: "1.2.840.10008.1.2.1"}
    assert files[1].PixelData == film.PixelData
    alone = f"{path}/instances/{series}.1"
    assert program.get(alone, "application/dicom").status_code == 200
    named = "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    assert program.get(alone, named).status_code == 406


# Documents


@pytest.mark.parametrize("accept", ["*/*", "application/pdf", "application/octet-stream", None])
def test_an_encapsulated_pdf_leaves_caged(insider: Caller, accept: str | None) -> None:
    response = insider.get(f"{DOCUMENTS}/{samples.PDF}/bulk/00420011", accept)
    assert response.status_code == 200
    assert response.data.rstrip(b"\0") == samples.PDF_BYTES
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == 'attachment; filename="document.pdf"'


def test_an_encapsulated_pdf_is_rendered_as_itself(insider: Caller) -> None:
    path = f"{DOCUMENTS}/{samples.PDF}/rendered"
    assert insider.get(f"{path}?accept=application/pdf").data.startswith(b"%PDF")
    assert insider.get(path, "application/pdf").content_type == "application/pdf"
    for accept in ("*/*", "application/*", "image/jpeg, application/pdf;q=0.5"):
        answer = insider.get(path, accept)
        assert answer.content_type == "application/pdf", accept
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert insider.get(path, "image/jpeg").status_code == 406
    assert insider.get(f"{SLICE}/rendered", "application/pdf").status_code == 406
    assert (
        insider.get(f"{SLICE}/rendered", "application/pdf, */*;q=0.1").content_type == "image/jpeg"
    )
    assert insider.get(f"{DOCUMENTS}/{samples.CDA}/rendered", "*/*").status_code == 406


@pytest.mark.parametrize("accept", ["*/*", "application/pdf", "application/octet-stream"])
def test_a_document_that_is_no_pdf_never_leaves_as_one(insider: Caller, accept: str) -> None:
    response = insider.get(f"{DOCUMENTS}/{samples.CDA}/bulk/00420011", accept)
    assert response.status_code == 403
    assert b"<html>" not in response.data
    assert response.json["error"]["code"] == "document_is_not_pdf"


@pytest.mark.parametrize(
    "attribute", ["7fe0001", "../../..", "00420011/../x", "PixelData", "0" * 9]
)
def test_bulk_data_has_only_addresses_of_attributes(insider: Caller, attribute: str) -> None:
    assert insider.get(f"{SLICE}/bulk/{attribute}").status_code == 404


# Pictures


@pytest.mark.parametrize(
    ("accept", "begins"),
    [
        ("image/jpeg", b"\xff\xd8"),
        ("image/png", b"\x89PNG"),
        ("*/*", b"\xff\xd8"),
        (None, b"\xff\xd8"),
    ],
)
def test_a_picture_is_drawn_as_jpeg_or_png(
    insider: Caller, accept: str | None, begins: bytes
) -> None:
    for path in ("rendered", "frames/1/rendered", "thumbnail", "frames/1/thumbnail"):
        response = insider.get(f"{SLICE}/{path}", accept)
        assert response.status_code == 200
        assert response.data.startswith(begins)
        assert int(response.headers["Content-Length"]) == len(response.data)


def test_window_and_viewport_change_the_picture(insider: Caller) -> None:
    plain = insider.get(f"{SLICE}/rendered", "image/png").data
    windowed = insider.get(f"{SLICE}/rendered?window=-1000,300,linear", "image/png").data
    small = insider.get(f"{SLICE}/rendered?viewport=8,8", "image/png").data
    assert plain != windowed
    assert int.from_bytes(small[16:20]) <= 8


@pytest.mark.parametrize(
    "query",
    [
        "window=1",
        "window=a,b",
        "viewport=0,0",
        "viewport=99999,1",
        "viewport=1",
        "quality=0",
        "quality=x",
        "window=40,400&window=1,2",
        "quality=90&quality=90",
    ],
)
def test_a_picture_that_cannot_be_drawn_so_is_a_bad_request(insider: Caller, query: str) -> None:
    assert insider.get(f"{SLICE}/rendered?{query}").status_code == 400


def test_thumbnails_fit_into_their_box(insider: Caller) -> None:
    for path in (CASE, PORTAL, SLICE):
        png = insider.get(f"{path}/thumbnail", "image/png").data
        assert max(int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) <= 128


def test_what_has_no_picture_says_so(insider: Caller) -> None:
    report = f"{CASE}/series/{samples.REPORTS}"
    assert insider.get(f"{report}/instances/{samples.REPORT}/rendered").status_code == 406
    assert insider.get(f"{report}/thumbnail").status_code == 406
    assert insider.get(f"{SLICE}/rendered", "image/webp").status_code == 406
    assert insider.get(f"{SLICE}/frames/0/rendered").status_code == 400
