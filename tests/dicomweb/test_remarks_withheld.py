"""Names within compressed frames: planted in every place of every kind of stream, asked for by every
way on which a frame leaves, before and after it was prepared, and found nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from server.archive import Archive
from server.dicom.transfer_syntaxes import JPEG_2000_LOSSY, JPEG_LOSSY, JPEG_LS_NEAR
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import bare
from tests.archive.files import written
from tests.archive.orthanc_process import archive_with
from tests.dicom.planted import ROOT, planted_ct
from tests.dicom.remarked import CODERS, HTJ2K, JPEG_BASELINE, NAME, remarked
from tests.dicomweb.pseudonymised import JSON, Reader, leaks, reading_of

STUDY, SERIES = f"{ROOT}.20", f"{ROOT}.21"
ANY_FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
ANY_FILE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
KEPT = sorted({*JPEG_LOSSY, JPEG_LS_NEAR, JPEG_2000_LOSSY, HTJ2K} & CODERS.keys())
FRAMES = 3


def instance(number: int, syntax: str) -> Dataset:
    dataset = planted_ct(STUDY, SERIES, f"{SERIES}.{number}", UID(syntax), every_sequence=64)
    dataset.InstanceNumber = number
    dataset.Rows, dataset.Columns = 64, 48
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.NumberOfFrames = FRAMES
    dataset.PixelData = encapsulate([remarked(syntax) for _ in range(FRAMES)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    files = [written(instance(number, syntax)) for number, syntax in enumerate(CODERS, 1)]
    with archive_with(tmp_path_factory.mktemp("remarked-orthanc"), files) as archive:
        yield archive


@pytest.fixture(params=["passed through", "prepared"])
def reader(
    request: pytest.FixtureRequest, archive: Archive, migrated_sqlite: Path, tmp_path: Path
) -> Iterator[Reader]:
    with reading_of(archive, migrated_sqlite, tmp_path, STUDY) as reader:
        if request.param == "prepared":
            (series_id,) = archive.candidates(STUDY, SERIES)
            room = Room(reader.shelf.root, 10**9)
            assert Preparer(archive, reader.shelf, room).prepare(STUDY, series_id) is not None
        yield reader


def test_names_in_frames_do_not_leave(reader: Reader) -> None:
    found = reader.found("/instances?includefield=0020000D&includefield=0020000E")
    uids = [[one[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")] for one in found]
    assert len(uids) == len(CODERS)
    study, series = f"/studies/{uids[0][0]}", f"/studies/{uids[0][0]}/series/{uids[0][1]}"
    for path in (study, series):
        assert reader.ask(f"{path}/metadata", JSON).status_code == 200
        for accept in (ANY_FILE, 'multipart/related; type="application/dicom"', "*/*"):
            assert reader.ask(path, accept).status_code == 200
        for rest in ("bulkdata", "pixeldata"):
            assert reader.ask(f"{path}/{rest}").status_code == 200
        reader.ask(f"{path}/rendered")
        reader.ask(f"{path}/thumbnail")
    for resolution in (16, 1024):
        reader.ask(f"{series}/overview?resolution={resolution}")
    for *_, uid in uids:
        ask_for(reader, f"{series}/instances/{uid}")
    assert len(reader.heard) > 80
    assert leaks(reader) == {}


def ask_for(reader: Reader, path: str) -> None:
    for accept in (ANY_FILE, "application/dicom; transfer-syntax=*", "application/dicom"):
        assert reader.ask(path, accept).status_code == 200
    for numbers in ("1", "3", "1,2,3"):
        for accept in (ANY_FRAME, "*/*", 'multipart/related; type="application/octet-stream"'):
            answer = reader.ask(f"{path}/frames/{numbers}", accept)
            assert answer.status_code in (200, 406), (path, numbers, accept)
    whole = reader.ask(f"{path}/frames/2", ANY_FRAME)
    assert whole.status_code == 200
    for tag, status in ((whole.headers["ETag"], 200), ('"another"', 412)):
        again = reader.ask(f"{path}/frames/2", ANY_FRAME, **{"If-Match": tag})
        assert again.status_code == status
    part = reader.ask(f"{path}/frames/2", ANY_FRAME, Range="bytes=100-299")
    assert part.data == whole.data[100:300]
    for rest in ("/rendered", "/frames/2/rendered", "/thumbnail", "/bulk/7fe00010"):
        assert reader.ask(path + rest).status_code == 200, rest


def test_frames_kept_as_stored_lie_beside_themselves_without_their_remarks(
    archive: Archive, tmp_path: Path, migrated_sqlite: Path
) -> None:
    with reading_of(archive, migrated_sqlite, tmp_path, STUDY) as reader:
        (series_id,) = archive.candidates(STUDY, SERIES)
        Preparer(archive, reader.shelf, Room(reader.shelf.root, 10**9)).prepare(STUDY, series_id)
        manifest = reader.shelf.series(STUDY, SERIES)
        assert manifest is not None
        kept = [one for one in manifest.instances if any(one.remarks)]
        assert sorted(one.TransferSyntaxUID for one in kept) == KEPT
        for one in kept:
            for number in range(1, FRAMES + 1):
                path = reader.shelf.frame(STUDY, SERIES, one.SOPInstanceUID, number)
                # Whoever may know everything is given the frame as it was stored.
                assert NAME in path.read_bytes()
                assert NAME not in bare(path).read_bytes()
                assert path.stat().st_size == bare(path).stat().st_size
    assert JPEG_BASELINE in KEPT
