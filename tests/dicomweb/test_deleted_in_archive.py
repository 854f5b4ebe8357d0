"""What is deleted in the archive is not given out from what was prepared of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from server.archive import Archive
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc
from tests.dicomweb.pseudonymised import Reader, reading_of

STUDY, SERIES = "1.2.826.0.1.3680043.8.498.60", "1.2.826.0.1.3680043.8.498.61"
ANY_FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
GONE_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("deleting-orthanc")) as process:
        yield process


@pytest.fixture
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    with closing(orthanc.archive()) as archive:
        for number in (1, 2, 3):
            archive.store_instance(written(ct_slice("DELETED", STUDY, SERIES, number)))
        yield archive


@pytest.fixture(params=[False, True], ids=["plain", "pseudonymised"])
def reader(
    request: pytest.FixtureRequest, archive: Archive, migrated_sqlite: Path, tmp_path: Path
) -> Iterator[Reader]:
    with reading_of(
        archive, migrated_sqlite, tmp_path, STUDY, pseudonymised=request.param
    ) as reader:
        (series_id,) = archive.candidates(STUDY, SERIES)
        room = Room(reader.shelf.root, 10**9)
        assert Preparer(archive, reader.shelf, room).prepare(STUDY, series_id) is not None
        yield reader


def addresses(reader: Reader) -> list[str]:
    """The frames of the series, by InstanceNumber."""
    found = reader.found("/instances?includefield=InstanceNumber,0020000D,0020000E")
    frames = []
    for one in sorted(found, key=lambda one: one["00200013"]["Value"][0]):
        study, series, instance = (
            one[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")
        )
        frames.append(f"/studies/{study}/series/{series}/instances/{instance}/frames/1")
    return frames


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_nothing_deleted_is_given_out_for_longer_than_seconds(
    reader: Reader, archive: Archive, orthanc: OrthancProcess, level: str
) -> None:
    frames = addresses(reader)
    assert len(frames) == 3
    series = frames[0].partition("/instances/")[0]
    rest = [f"{series}/metadata", f"{series}/overview", f"{series}/thumbnail"]
    for path in [*rest, *frames, *frames]:
        assert reader.ask(path, ANY_FRAME if path in frames else "*/*").status_code == 200
    (study_id,), (series_id,) = archive.candidates(STUDY), archive.candidates(STUDY, SERIES)
    first = archive.series_instances(series_id)[0]
    place = {"studies": study_id, "series": series_id, "instances": first.orthanc_id}[level]
    number = int(archive.instance_tags(first.orthanc_id)["InstanceNumber"])
    deleted = frames if level != "instances" else [frames[number - 1]]
    httpx.delete(f"{orthanc.url}/{level}/{place}", auth=(USER, PASSWORD)).raise_for_status()
    until = time.monotonic() + GONE_WITHIN_S
    while time.monotonic() < until:
        states = {reader.ask(path, ANY_FRAME).status_code for path in deleted}
        if states == {404}:
            break
        time.sleep(0.1)
    assert states == {404}
    left = set(frames) - set(deleted)
    assert {reader.ask(path, ANY_FRAME).status_code for path in left} <= {200}
    if level != "instances":
        assert {reader.ask(path).status_code for path in rest} == {404}
    assert len(reader.found("/instances")) == len(left)
