"""Prepared metadata that points to bulk data leaves as a file too, with addresses that lead there."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from server.foundation.settings import Settings
from server.prepared.shelf import MANIFEST, Shelf
from tests.doors.test_prepared_studies import SERIES, dataset, prepare
from tests.world import INSIDE_STUDY, World

Visit = Callable[[str], tuple[FlaskClient, str]]
PRIVATE = "00091001"
SERIES_PATH = f"/studies/{INSIDE_STUDY}/series/{SERIES}"


def bulk(number: int) -> str:
    return f"instances/{SERIES}.{number}/bulk/{PRIVATE.lower()}"


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    """A series of three instances that have a private attribute of many bytes each."""
    shelf = Shelf(settings.cache_dir)
    prepare(shelf, INSIDE_STUDY)
    datasets = [
        {**dataset(INSIDE_STUDY, number), PRIVATE: {"vr": "OB", "BulkDataURI": bulk(number)}}
        for number in (1, 2, 3)
    ]
    path = shelf.metadata(INSIDE_STUDY, SERIES)
    path.write_bytes(gzip.compress(json.dumps(datasets, separators=(",", ":")).encode(), mtime=0))
    manifest = shelf.folder(INSIDE_STUDY, SERIES) / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "has_bulk": True}))
    return shelf


def addresses(data: bytes, base: str) -> list[str]:
    """Where the metadata at `base` says that bulk data is, completed as a browser does it."""
    found: list[dict[str, Any]] = json.loads(data)
    return [urljoin(base, one[PRIVATE]["BulkDataURI"]) for one in found]


def test_a_browser_gets_the_file_as_it_lies_there(visit: Visit, shelf: Shelf) -> None:
    client, base = visit("surgeon")
    address = f"http://localhost{base}/dicom-web{SERIES_PATH}"
    answer = client.get(f"{address}/metadata", headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert answer.data == shelf.metadata(INSIDE_STUDY, SERIES).read_bytes()
    plain = client.get(
        f"{address}/metadata", headers={"Accept-Encoding": "identity"}, buffered=True
    )
    assert plain.data == gzip.decompress(answer.data)
    expected = [f"{address}/{bulk(number)}" for number in (1, 2, 3)]
    assert addresses(plain.data, f"{address}/metadata") == expected


@pytest.mark.parametrize("below", ["", f"/series/{SERIES}/instances/{SERIES}.2"])
def test_other_levels_say_the_same_address(visit: Visit, shelf: Shelf, below: str) -> None:
    client, base = visit("surgeon")
    address = f"http://localhost{base}/dicom-web/studies/{INSIDE_STUDY}{below}/metadata"
    answer = client.get(address, headers={"Accept-Encoding": "identity"}, buffered=True)
    numbers = (2,) if below else (1, 2, 3)
    series = f"http://localhost{base}/dicom-web{SERIES_PATH}"
    assert addresses(answer.data, address) == [f"{series}/{bulk(number)}" for number in numbers]


def test_a_program_gets_whole_addresses_out_of_one_copy(
    client: FlaskClient, small_world: World, shelf: Shelf
) -> None:
    headers = {
        "Authorization": f"Bearer {small_world.tokens['surgeon']}",
        "Accept-Encoding": "gzip",
    }
    address = f"http://localhost/dicom-web{SERIES_PATH}"
    first = client.get(f"{address}/metadata", headers=headers, buffered=True)
    told = [one[PRIVATE]["BulkDataURI"] for one in json.loads(gzip.decompress(first.data))]
    assert told == [f"{address}/{bulk(number)}" for number in (1, 2, 3)]
    (copy,) = (
        path
        for path in shelf.folder(INSIDE_STUDY, SERIES).glob("metadata.*")
        if path != shelf.metadata(INSIDE_STUDY, SERIES)
    )
    assert first.data == copy.read_bytes()
    written_at = copy.stat().st_mtime_ns
    again = client.get(f"{address}/metadata", headers=headers, buffered=True)
    assert (again.data, copy.stat().st_mtime_ns) == (first.data, written_at)
    assert again.headers["ETag"] == first.headers["ETag"]
    # Prepared anew, the copy is made anew.
    plain = shelf.metadata(INSIDE_STUDY, SERIES)
    plain.write_bytes(gzip.compress(b"[]", mtime=0))
    renewed = client.get(f"{address}/metadata", headers=headers, buffered=True)
    assert gzip.decompress(renewed.data) == b"[]"


def test_a_copy_that_cannot_be_made_or_read_is_passed_by(
    client: FlaskClient, small_world: World, shelf: Shelf
) -> None:
    headers = {"Authorization": f"Bearer {small_world.tokens['surgeon']}"}
    address = f"/dicom-web{SERIES_PATH}/metadata"
    assert client.get(address, headers=headers, buffered=True).status_code == 200
    plain = shelf.metadata(INSIDE_STUDY, SERIES)
    for copy in set(plain.parent.glob("metadata.*")) - {plain}:
        copy.unlink()
        copy.mkdir()
    # The archive is asked, which is away in these tests.
    assert client.get(address, headers=headers, buffered=True).status_code == 503
