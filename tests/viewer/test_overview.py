"""A whole series at a low resolution in one answer, from what lies on the shelf."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import imagecodecs
import numpy as np
import pytest
from flask import Flask, Response

from server.dicomweb.delivery.overview import (
    ResolutionInvalid,
    halvings_for,
    opening,
    order,
    overview,
)
from server.dicomweb.views.clearance import Clearance
from server.dicomweb.views.scope import Pass, StudyOutsideGrant
from server.dicomweb.views.view import PLAIN_VIEW, View
from server.panel.sight import NOTHING_HIDDEN, Hidden
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.metadata import opened_with
from server.prepared.shelf import MANIFEST, Shelf, frame_body

STUDY, SERIES, EMPTY = "1.2.3", "1.2.3.4", "1.2.3.5"
HTJ2K = "1.2.840.10008.1.2.4.202"
SLICES, SIDE = 11, 64
START_OF_TILE_PART = b"\xff\x90"


class ArchiveAway:
    """What is held while the archive does not answer: nothing is known of it."""

    def __init__(self, shelf: Shelf) -> None:
        self.clearance = Clearance(shelf)

    def study(self, StudyInstanceUID: str) -> None:
        return None


@dataclass(frozen=True)
class OneStudy:
    """Sees one study, whatever lies on the shelf."""

    shelf: Shelf
    view: View = PLAIN_VIEW
    prefix: str = "/r/x/dicom-web"
    hidden: Hidden = NOTHING_HIDDEN

    @property
    def holdings(self) -> ArchiveAway:
        return ArchiveAway(self.shelf)

    @property
    def scope(self) -> OneStudy:
        return self

    def allows_study(self, StudyInstanceUID: str) -> bool:
        return StudyInstanceUID == STUDY

    def current(self, study: str, series: str) -> Manifest | None:
        return self.shelf.series(study, series)


class Withholding(type(PLAIN_VIEW)):  # type: ignore[misc]
    """A view that may not show pixels."""

    pseudonymised = True

    def pixels_withheld(self, dataset: dict[str, Any]) -> str:
        return "A name may be burned into them."


def encoded(seed: int) -> tuple[bytes, tuple[int, ...]]:
    """A frame as HTJ2K with one tile-part per resolution, and where each resolution ends."""
    pixels = np.random.default_rng(seed).integers(-1000, 2000, (SIDE, SIDE)).astype(np.int16)
    code: bytes = imagecodecs.htj2k_encode(pixels, reversible=True, tlm=True, tilepart=1)
    ends, at = [], code.index(START_OF_TILE_PART)
    while code[at : at + 2] == START_OF_TILE_PART:
        at += int.from_bytes(code[at + 6 : at + 10], "big")
        ends.append(at)
    return code, tuple(ends)


def uid(number: int) -> str:
    return f"9.{number}"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    instances = []
    for number in range(SLICES):
        code, ends = encoded(number)
        path = shelf.frame(STUDY, SERIES, uid(number), 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frame_body(HTJ2K, code))
        known: dict[str, Any] = {
            "Rows": SIDE,
            "Columns": SIDE,
            "NumberOfFrames": 1,
            "frame_syntax": HTJ2K,
        }
        sizes: dict[str, Any] = {"frame_bytes": (len(code),), "resolution_bytes": (ends,)}
        instances.append(PreparedInstance(uid(number), "1.1", "o", HTJ2K, **known, **sizes))
    keep(shelf, SERIES, tuple(instances))
    keep(shelf, EMPTY, ())
    return shelf


def keep(shelf: Shelf, series: str, instances: tuple[PreparedInstance, ...]) -> None:
    attributes = {"0008103E": {"vr": "LO", "Value": ["portal venous"]}}
    manifest = Manifest(STUDY, series, "o", len(instances), "", attributes, instances=instances)
    path: Path = shelf.folder(STUDY, series) / MANIFEST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest.written()))
    datasets = [{"00080018": {"vr": "UI", "Value": [one.SOPInstanceUID]}} for one in instances]
    shelf.metadata(STUDY, series).write_bytes(gzip.compress(json.dumps(datasets).encode()))


class Clearing(type(PLAIN_VIEW)):  # type: ignore[misc]
    """A pseudonymised view that may show these pixels."""

    id, pseudonymised = "clearing", True


def asked(
    shelf: Shelf, query: str = "", headers: dict[str, str] | None = None, **more: Any
) -> Response:
    with Flask("t").test_request_context(f"/overview{query}", headers=headers):
        return overview(cast(Pass, OneStudy(shelf, **more)), STUDY, SERIES)


def records(body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    found, at = [], 0
    while at < len(body):
        end = body.index(b"\n", at)
        head = json.loads(body[at:end])
        at = end + 1 + head["bytes"]
        found.append((head, body[end + 1 : at]))
    return found


def test_every_frame_begins_there_with_as_much_as_the_resolution_needs(shelf: Shelf) -> None:
    answer = asked(shelf, "?resolution=16")
    body = answer.get_data()
    assert answer.content_length == len(body)
    found = records(body)
    assert {head["SOPInstanceUID"] for head, _ in found} == {uid(n) for n in range(SLICES)}
    for head, data in found:
        file = shelf.frame(STUDY, SERIES, head["SOPInstanceUID"], 1).read_bytes()
        assert file[head["start"] : head["start"] + head["bytes"]] == data
        assert head["SOPInstanceUID"] == uid(head["place"])
        assert head["halvings"] == 2
        assert head["bytes"] < head["total"] / 8
        assert head["syntax"] == HTJ2K
        rest = file[head["start"] + head["bytes"] : head["start"] + head["total"]]
        whole = imagecodecs.htj2k_decode(data + rest)
        assert whole.shape == (SIDE, SIDE)


def test_it_is_answered_with_304_while_nothing_was_added(shelf: Shelf) -> None:
    tag = asked(shelf).headers["ETag"]
    assert asked(shelf, headers={"If-None-Match": tag}).status_code == 304
    assert asked(shelf, "?resolution=16").headers["ETag"] != tag


@pytest.mark.parametrize("said", ["0", "15", "1025", "-64", "1e2", "12345678", "x", "%D9%A3"])
def test_a_resolution_that_is_none_is_refused(shelf: Shelf, said: str) -> None:
    with pytest.raises(ResolutionInvalid):
        asked(shelf, f"?resolution={said}")


def test_what_may_not_be_shown_has_no_overview(shelf: Shelf, tmp_path: Path) -> None:
    for answer in (asked(shelf, view=Withholding()), asked(Shelf(tmp_path))):
        assert (answer.status_code, answer.get_data()) == (204, b"")
    with Flask("t").test_request_context("/"), pytest.raises(StudyOutsideGrant):
        overview(cast(Pass, OneStudy(shelf)), "1.2.9", SERIES)


def test_what_may_be_shown_under_pseudonyms_has_an_overview(shelf: Shelf) -> None:
    assert asked(shelf, view=Clearing()).get_data() == asked(shelf).get_data()


def test_the_opening_names_each_series_with_its_middle_frame(shelf: Shelf) -> None:
    with Flask("t").test_request_context("/"):
        said = json.loads(opening(cast(Pass, OneStudy(shelf)), STUDY).get_data())
        assert not json.loads(
            opening(cast(Pass, OneStudy(shelf, view=Withholding())), STUDY).get_data()
        )["series"]
    (series,) = said["series"]
    assert series["SeriesInstanceUID"] == SERIES
    assert series["middle"] == uid(SLICES // 2)
    assert series["instances"] == SLICES
    assert series["0008103E"]["Value"] == ["portal venous"]


AXIAL, CORONAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1)


def slices(count: int, orientation: tuple[int, ...], step_mm: float) -> list[dict[str, Any]]:
    """Slices in the order of their numbers, `step_mm` further up (backwards) each."""
    along = 2 if orientation == AXIAL else 1
    return [
        {
            "00080018": {"vr": "UI", "Value": [uid(number)]},
            "00200037": {"vr": "DS", "Value": list(orientation)},
            "00200032": {
                "vr": "DS",
                "Value": [step_mm * number * (axis == along) for axis in range(3)],
            },
        }
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("datasets", "number"),
    [
        (
            slices(10, AXIAL, 2.5),
            4,
        ),  # numbered from the feet: counted from the head it is the sixth
        (slices(10, AXIAL, -2.5), 5),
        (slices(11, AXIAL, 2.5), 5),
        (slices(10, CORONAL, 2.5), 4),
        (slices(10, CORONAL, -2.5), 5),
        (slices(10, AXIAL, 0), 5),  # ten in one place: by number
        (slices(9, AXIAL, 2.5) + slices(10, CORONAL, 2.5)[9:], 5),
        ([{"00080018": {"vr": "UI", "Value": [uid(n)]}} for n in range(4)], 2),
        (slices(1, AXIAL, 1), 0),
    ],
)
def test_the_opening_names_the_slice_that_ohif_shows_first(
    datasets: list[dict[str, Any]], number: int
) -> None:
    assert opened_with(datasets) == uid(number)


def test_an_empty_series_opens_with_nothing() -> None:
    assert opened_with([]) == ""


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 450])
def test_each_slice_comes_once_and_every_eighth_first(count: int) -> None:
    found = order(count)
    assert sorted(found) == list(range(count))
    first = sorted(found[: max(1, count // 8)])
    assert all(after - before >= 8 for before, after in pairwise(first))
    if count:
        assert found[0] == count // 2


@pytest.mark.parametrize(
    ("rows", "columns", "resolution", "halvings"),
    [
        (512, 512, 128, 2),
        (512, 512, 64, 3),
        (512, 256, 128, 2),
        (100, 100, 128, 0),
        (512, 512, 1, 5),
    ],
)
def test_a_frame_is_halved_until_the_resolution_is_reached(
    rows: int, columns: int, resolution: int, halvings: int
) -> None:
    instance = PreparedInstance("1", "1", "o", HTJ2K, Rows=rows, Columns=columns)
    assert halvings_for(instance, 6, resolution) == halvings
