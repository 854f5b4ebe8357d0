"""A series from a real archive to the shelf: whole, bit for bit, with the damage listed."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EncapsulatedPDFStorage

from server.archive import Archive
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE, HTJ2K_RPCL, JPEG_LS_LOSSLESS
from server.prepared.eviction import Room
from server.prepared.finding import SeriesGone, find_series
from server.prepared.manifest import Manifest
from server.prepared.preparing import Preparer, SeriesTooLarge
from server.prepared.shelf import UNFINISHED, Shelf
from server.prepared.way import Way
from tests.archive.files import blank, pixels
from tests.prepared.pictures import (
    big_endian,
    frame,
    jpeg_ls,
    noise,
    picture,
    slice_of,
    store,
    wrapped,
)

pytestmark = pytest.mark.orthanc


def shelved(
    preparer: Preparer, archive: Archive, study: str, *datasets: Dataset | bytes
) -> Manifest:
    outcome = preparer.prepare(study, store(archive, *datasets))
    assert outcome is not None
    return outcome.manifest


def metadata(shelf: Shelf, manifest: Manifest) -> list[dict[str, Any]]:
    path = shelf.metadata(manifest.StudyInstanceUID, manifest.SeriesInstanceUID)
    found: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def test_a_ct_series_is_prepared_in_order_bit_for_bit_and_privately(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.60"
    slices = [slice_of(study, number, pixels(number, 96, 80)) for number in (3, 1, 10, 2)]
    manifest = shelved(preparer, archive, study, *slices)
    assert [one.SOPInstanceUID for one in manifest.instances] == [
        f"{study}.1.{number}" for number in (1, 2, 3, 10)
    ]
    for number in (1, 2, 3, 10):
        found = picture(shelf, manifest, f"{study}.1.{number}")
        assert np.array_equal(found, pixels(number, 96, 80))
    assert {one.frame_syntax for one in manifest.instances} == {HTJ2K_RPCL}
    assert manifest.opened_with in manifest.by_uid
    assert shelf.series(study, f"{study}.1") == manifest
    folder = shelf.folder(study, f"{study}.1")
    assert not (folder / UNFINISHED).exists()
    for path in (shelf.root, *shelf.root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_metadata_are_relative_typed_and_without_pixels(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.61"
    one = slice_of(study, 1, pixels(1), PatientComments="")
    one.add_new(0x00090010, "LO", "SOMEBODY")
    one.add_new(0x00091001, "OB", b"private" * 500)
    manifest = shelved(preparer, archive, study, one)
    (dataset,) = metadata(shelf, manifest)
    assert "7FE00010" not in dataset
    assert dataset["00280030"] == {"vr": "DS", "Value": [0.75, 0.75]}
    assert dataset["00280010"] == {"vr": "US", "Value": [24]}
    assert dataset["00100010"]["Value"] == [{"Alphabetic": "Phantom^PREPARED"}]
    assert dataset["00104000"] == {"vr": "LT"}
    assert dataset["00083002"]["Value"] == [HTJ2K_RPCL, EXPLICIT_LITTLE]
    assert dataset["00091001"]["BulkDataURI"] == f"instances/{study}.1.1/bulk/00091001"
    assert list(dataset) == sorted(dataset)
    assert manifest.has_bulk
    assert "00091001" not in manifest.attributes


def test_long_numbers_are_pointed_to_for_the_archive_tells_only_the_first(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.73"
    one, points = slice_of(study, 1, pixels(1)), Dataset()
    coordinates = np.arange(6, dtype="<f4").tobytes()
    points.add_new(0x00660016, "OF", coordinates)
    points.add_new(0x00660040, "OL", coordinates)
    one.SurfacePointsSequence = Sequence([points])
    one.add_new(0x00660022, "OD", coordinates)
    (dataset,) = metadata(shelf, shelved(preparer, archive, study, one))
    (item,) = dataset["00660011"]["Value"]
    for vr, element, path in (
        ("OF", item["00660016"], "00660011/1/00660016"),
        ("OL", item["00660040"], "00660011/1/00660040"),
        ("OD", dataset["00660022"], "00660022"),
    ):
        address = f"instances/{study}.1.1/bulk/{path}"
        assert element == {"vr": vr, "BulkDataURI": address}
        at = f"/studies/{study}/series/{study}.1/{address}"
        with archive.open_dicomweb(at, accept="*/*") as stream:
            assert coordinates in b"".join(stream.chunks())


def test_the_same_series_gives_the_same_bytes(archive: Archive, tmp_path: Path) -> None:
    study = "1.2.826.62"
    series_id = store(archive, *(slice_of(study, number, pixels(number)) for number in (1, 2)))
    bodies = []
    for name in ("one", "two"):
        shelf = Shelf(tmp_path / name)
        Preparer(archive, shelf, Room(shelf.root, 10**9)).prepare(study, series_id)
        files = sorted(path for path in shelf.root.rglob("*") if path.is_file())
        bodies.append({path.relative_to(shelf.root): path.read_bytes() for path in files})
    assert bodies[0] == bodies[1]


def test_every_kind_of_pixels_is_given_as_it_is(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.63"
    grey, rgb = noise((30, 41), np.int16), noise((30, 40, 3), np.uint8)
    planes = noise((30, 40, 3), np.uint8, 2)
    cine = noise((5, 20, 24), np.uint16)
    manifest = shelved(
        preparer,
        archive,
        study,
        slice_of(study, 1, noise((30, 41), np.uint16), BitsStored=12, HighBit=11),
        slice_of(study, 2, rgb),
        slice_of(
            study, 3, planes, PlanarConfiguration=1, PixelData=planes.transpose(2, 0, 1).tobytes()
        ),
        slice_of(study, 4, cine),
        big_endian(slice_of(study, 5, grey)),
        wrapped(slice_of(study, 6, cine), JPEG_LS_LOSSLESS, [jpeg_ls(one) for one in cine]),
        slice_of(study, 7, grey[:, :40], BitsAllocated=32, BitsStored=32, HighBit=31, Columns=20),
    )
    uid = f"{study}.1."
    assert np.array_equal(picture(shelf, manifest, uid + "1"), noise((30, 41), np.uint16))
    assert np.array_equal(picture(shelf, manifest, uid + "2"), rgb)
    assert np.array_equal(picture(shelf, manifest, uid + "3"), planes)
    assert np.array_equal(picture(shelf, manifest, uid + "5"), grey)
    for number, expected in enumerate(cine, 1):
        assert np.array_equal(picture(shelf, manifest, uid + "4", number), expected)
        assert np.array_equal(picture(shelf, manifest, uid + "6", number), expected)
    assert frame(shelf, manifest, uid + "7") == grey[:, :40].tobytes()
    assert [one.frame_syntax for one in manifest.instances] == [
        *(HTJ2K_RPCL, HTJ2K_RPCL, EXPLICIT_LITTLE, HTJ2K_RPCL),
        *(HTJ2K_RPCL, HTJ2K_RPCL, EXPLICIT_LITTLE),
    ]
    assert not any(one.problem for one in manifest.instances)


def test_frames_of_single_bits_begin_at_whole_bytes(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.64"
    masks = noise((4, 5, 7), np.uint8) & 1
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    one = slice_of(study, 1, masks, BitsAllocated=1, BitsStored=1, HighBit=0)
    one.PixelData = packed + b"\0" * (len(packed) % 2)
    manifest = shelved(preparer, archive, study, one)
    for number, mask in enumerate(masks, 1):
        expected = np.packbits(mask.ravel(), bitorder="little").tobytes()
        assert frame(shelf, manifest, f"{study}.1.1", number) == expected


def test_damaged_frames_are_listed_and_all_others_are_there(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.65"
    whole = noise((32, 32), np.uint16)
    data = jpeg_ls(whole)
    broken = wrapped(
        slice_of(study, 3, np.stack([whole] * 3)), JPEG_LS_LOSSLESS, [data, data[:50], data]
    )
    short = slice_of(study, 4, np.stack([whole] * 3))
    short.PixelData = short.PixelData[: 2 * 2048]
    manifest = shelved(
        preparer,
        archive,
        study,
        slice_of(study, 1, whole),
        broken,
        short,
        slice_of(study, 5, whole),
    )
    damaged = {one.SOPInstanceUID: one.unreadable_frames for one in manifest.instances}
    assert list(damaged.values()) == [(), (2,), (3,), ()]
    problems = [one.problem for one in manifest.instances]
    assert "damaged" in problems[1]
    assert "ends early" in problems[2]
    for uid, number in ((f"{study}.1.3", 1), (f"{study}.1.3", 3), (f"{study}.1.4", 2)):
        assert np.array_equal(picture(shelf, manifest, uid, number), whole)
    assert not shelf.frame(study, f"{study}.1", f"{study}.1.3", 2).exists()


def test_what_has_no_pixels_is_prepared_without_frames(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.66"
    letter = blank(EncapsulatedPDFStorage, "PREPARED", study, f"{study}.1", f"{study}.1.1")
    letter.Modality, letter.EncapsulatedDocument = "DOC", b"%PDF-1.4"
    manifest = shelved(preparer, archive, study, letter)
    assert manifest.instances[0].frame_bytes == ()
    assert not shelf.thumbnail(study, f"{study}.1").exists()
    assert len(metadata(shelf, manifest)) == 1


def test_a_thumbnail_is_small_and_windowed(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.67"
    ramp = np.tile(np.linspace(900, 1200, 600).astype(np.int16), (300, 1))
    shelved(preparer, archive, study, slice_of(study, 1, ramp, WindowCenter=24, WindowWidth=300))
    with Image.open(shelf.thumbnail(study, f"{study}.1")) as small:
        assert small.size == (256, 128)
        assert small.getpixel((2, 60)) < 20
        assert small.getpixel((253, 60)) > 235


def test_a_series_that_has_grown_keeps_its_frames_and_gets_the_new_ones(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.68"
    series_id = store(archive, *(slice_of(study, number, pixels(number)) for number in (1, 2)))
    preparer.prepare(study, series_id)
    kept = shelf.frame(study, f"{study}.1", f"{study}.1.1", 1).stat()
    assert preparer.prepare(study, series_id) is None
    store(archive, slice_of(study, 3, pixels(3)))
    outcome = preparer.prepare(study, series_id)
    assert outcome is not None
    assert (outcome.manifest.instance_count, outcome.encoded) == (3, 1)
    again = shelf.frame(study, f"{study}.1", f"{study}.1.1", 1).stat()
    assert (again.st_ino, again.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert np.array_equal(picture(shelf, outcome.manifest, f"{study}.1.3"), pixels(3))


def test_a_series_larger_than_the_bound_stays_unprepared(archive: Archive, shelf: Shelf) -> None:
    study = "1.2.826.69"
    series_id = store(archive, slice_of(study, 1, pixels(1, 200, 200)))
    with pytest.raises(SeriesTooLarge, match="larger"):
        Preparer(archive, shelf, Room(shelf.root, 10_000)).prepare(study, series_id)
    assert shelf.series(study, f"{study}.1") is None


def test_a_series_that_is_not_in_the_archive_is_gone(preparer: Preparer, archive: Archive) -> None:
    with pytest.raises(SeriesGone):
        preparer.prepare("1.2.3", "00000000-00000000-00000000-00000000-00000000")
    with pytest.raises(SeriesGone):
        find_series(archive, "1.2.826.404", "1.2.826.404.1")


def test_a_frame_file_is_a_whole_multipart_answer(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.70"
    manifest = shelved(preparer, archive, study, slice_of(study, 1, pixels(1)))
    body = shelf.frame(study, f"{study}.1", f"{study}.1.1", 1).read_bytes()
    head, _, rest = body.partition(b"\r\n\r\n")
    length = manifest.instances[0].frame_bytes[0]
    assert f"Content-Length: {length}".encode() in head
    assert f"transfer-syntax={HTJ2K_RPCL}".encode() in head
    assert rest[length:].startswith(b"\r\n--")
    assert rest[length:].endswith(b"--\r\n")


def test_way_is_made_before_the_archive_is_asked_for_metadata(
    preparer: Preparer, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened = []
    give, open_dicomweb = Way.give, Archive.open_dicomweb

    def given(way: Way) -> None:
        happened.append("way")
        give(way)

    def opened(self: Archive, *args: Any, **more: Any) -> Any:
        happened.append("metadata")
        return open_dicomweb(self, *args, **more)

    monkeypatch.setattr(Way, "give", given)
    monkeypatch.setattr(Archive, "open_dicomweb", opened)
    shelved(preparer, archive, "1.2.826.79", slice_of("1.2.826.79", 1, pixels(1, 8, 8)))
    assert happened[0] == "way" and "metadata" in happened


def test_an_image_that_came_without_its_pixels_is_listed_with_that_reason(
    preparer: Preparer, archive: Archive
) -> None:
    study = "1.2.826.83"
    whole, cut = (slice_of(study, number, pixels(number)) for number in (1, 2))
    del cut.PixelData
    found = shelved(preparer, archive, study, whole, cut).instances
    assert [one.problem for one in found] == ["", "It has no pixels."]
    assert found[1].unreadable_frames == (1,)
