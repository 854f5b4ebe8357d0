"""Searches of what only Orthanc holds: nothing is prepared here. A grant over the whole archive finds
the same as one that names every study, though Orthanc's index narrows the one and not the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydicom import Dataset

from server.archive import Archive
from server.prepared.shelf import Shelf
from server.prepared.way import NAME as WAY
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import archive_with
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app

pytestmark = pytest.mark.orthanc

JAPANESE, MÜLLER, ROE = "1.2.826.1", "1.2.826.2", "1.2.826.3"
NAMES = {
    JAPANESE: "Yamada^Tarou=山田^太郎=やまだ^たろう",
    MÜLLER: "Müller^Jörg",
    ROE: "Roe^Jane",
}
# As it is read where UTF-8 was written and no character set named: signs that are no letters among them.
DESCRIPTION = "CT fÃ¼r GroÃ\x9fe §¶"
DATES = {JAPANESE: "20251231", MÜLLER: "20260102", ROE: "20260301"}


def study(uid: str, series: int, count: int) -> list[bytes]:
    found = []
    for number in range(1, count + 1):
        dataset = ct_slice(f"ID-{uid[-1]}", uid, f"{uid}.{series}", number)
        dataset.PatientName = NAMES[uid]
        dataset.StudyDate = DATES[uid]
        dataset.SeriesNumber = series
        if uid == MÜLLER:
            dataset.StudyDescription = DESCRIPTION
        dataset.SeriesDescription = ["arterial", "portal venous", "delayed"][series - 1]
        dataset.BodyPartExamined = "LIVER" if series == 2 else "ABDOMEN"
        item = Dataset()
        item.ScheduledProcedureStepID = f"SPS{series}"
        item.RequestedProcedureID = f"RP{uid[-1]}"
        dataset.RequestAttributesSequence = [item]
        found.append(written(dataset))
    return found


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    segmentation = samples.segmentation(f"{ROE}.9.1", f"{ROE}.9", "ID-3", ROE)
    segmentation.PatientName, segmentation.StudyDate = NAMES[ROE], DATES[ROE]
    series = ((JAPANESE, 1, 2), (MÜLLER, 1, 2), (MÜLLER, 2, 3), (ROE, 3, 1))
    files = [file for uid, number, count in series for file in study(uid, number, count)]
    folder = tmp_path_factory.mktemp("searched")
    with archive_with(folder, [*files, written(segmentation)]) as archive:
        yield archive


SCOPES = {"archive": HandMadeScope(None), "named": HandMadeScope(frozenset(NAMES))}


@pytest.fixture(scope="module")
def people(archive: Archive) -> dict[str, Caller]:
    """`archive` may see everything; `named` may see each of the studies, by name."""
    client = gateway_app(archive, SCOPES).test_client()
    return {name: Caller(client, name) for name in SCOPES}


def found(caller: Caller, level: str, query: str) -> list[Any]:
    response = caller.get(f"/{level}?{query}")
    assert response.status_code == 200, response.json
    tag = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}[level]
    return sorted(item[tag]["Value"][0] for item in response.json)


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("", [JAPANESE, MÜLLER, ROE]),
        ("PatientID=ID-2", [MÜLLER]),
        ("PatientID=id-2", []),
        ("PatientID=ID-?", [JAPANESE, MÜLLER, ROE]),
        (f"PatientName={quote('Müller^Jörg')}", [MÜLLER]),
        (f"PatientName={quote('müller*')}", [MÜLLER]),
        ("PatientName=Muller*", []),
        ("PatientName=muller&fuzzymatching=true", [MÜLLER]),
        ("PatientName=jane%20ro&fuzzymatching=true", [ROE]),
        ("PatientName=yamada*", [JAPANESE]),
        ("PatientName=Yamada%5ETarou", [JAPANESE]),
        (f"PatientName={quote('山田*')}", [JAPANESE]),
        (f"PatientName={quote('=山田^太郎')}", [JAPANESE]),
        (f"StudyDescription={quote(DESCRIPTION)}", [MÜLLER]),
        ("StudyDate=20260101-20260131", [MÜLLER]),
        ("StudyDate=-20260102", [JAPANESE, MÜLLER]),
        ("StudyDate=20260102-", [MÜLLER, ROE]),
        ("StudyDate=20251231-20260102&StudyTime=120000-110000", [MÜLLER]),
        ("StudyTime=10-11", [JAPANESE, MÜLLER, ROE]),
        ("StudyDescription=*upper*&PatientID=ID-3", [ROE]),
        ("ModalitiesInStudy=SEG", [ROE]),
        ("ModalitiesInStudy=SEG%5CCT&multiplevaluematching=true", [ROE]),
        ("ModalitiesInStudy=SEG,MR", [ROE]),
        ("Modality=SEG", [ROE]),
        ("BodyPartExamined=LIVER", [MÜLLER]),
        ("SeriesDescription=portal%20venous", [MÜLLER]),
        ("NumberOfStudyRelatedInstances=5", [MÜLLER]),
        ("NumberOfStudyRelatedSeries=1", [JAPANESE]),
        ("RequestAttributesSequence.ScheduledProcedureStepID=SPS2", [MÜLLER]),
        ("00400275.00401001=RP1&00400275.00400009=SPS1", [JAPANESE]),
        (f"SOPInstanceUID={MÜLLER}.2.3", [MÜLLER]),
        (f"SeriesInstanceUID={MÜLLER}.2,{ROE}.9", [MÜLLER, ROE]),
        (f"StudyInstanceUID={ROE}%5C{JAPANESE}", [JAPANESE, ROE]),
        ("InstanceNumber=3", [MÜLLER]),
        ("SegmentationType=BINARY", [ROE]),
        ("AccessionNumber=%22%22&emptyvaluematching=true", []),
        ("StudyID=nothing", []),
    ],
)
def test_a_whole_archive_is_searched_as_if_each_study_were_named(
    people: dict[str, Caller], query: str, studies: list[str]
) -> None:
    for name in people:
        assert found(people[name], "studies", query) == studies, name
    for level in ("series", "instances"):
        assert found(people["archive"], level, query) == found(people["named"], level, query)


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
@pytest.mark.parametrize("name", ["archive", "named"])
@pytest.mark.parametrize("query", ["", "PatientName=*"])
def test_pages_of_an_archive_join_to_the_whole(
    people: dict[str, Caller], name: str, level: str, query: str
) -> None:
    everything = people[name].get(f"/{level}?{query}").json
    pages = [
        people[name].get(f"/{level}?limit=2&offset={start}&{query}") for start in range(0, 12, 2)
    ]
    assert [item for page in pages for item in page.json] == everything
    more = ["additional results" in page.headers.get("Warning", "") for page in pages]
    assert more == [start + 2 < len(everything) for start in range(0, 12, 2)]


def test_names_and_sequences_are_told_whole(people: dict[str, Caller]) -> None:
    for caller in people.values():
        (item,) = caller.get("/studies?PatientID=ID-1").json
        assert item["00100010"]["Value"] == [
            {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
        ]
        assert item["00080005"]["Value"] == ["ISO_IR 192"]
        (item,) = caller.get(f"/studies/{MÜLLER}/series?SeriesNumber=2").json
        assert item["00400275"]["Value"] == [
            {
                "00400009": {"vr": "SH", "Value": ["SPS2"]},
                "00401001": {"vr": "SH", "Value": ["RP2"]},
            }
        ]


def test_everything_that_orthanc_knows_of_an_instance_can_be_asked_for(
    people: dict[str, Caller],
) -> None:
    path = f"/studies/{MÜLLER}/series/{MÜLLER}.2/instances"
    (item,) = people["archive"].get(f"{path}?InstanceNumber=3&includefield=all").json
    assert item["00200032"]["Value"] == [0, 0, 3]
    assert item["00081030"]["Value"] == [DESCRIPTION]
    assert item["00280030"]["Value"] == [0.75, 0.75]
    assert "7FE00010" not in item


def test_more_studies_than_may_be_looked_into_are_refused(
    people: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.dicomweb.query.candidates.MOST_EXAMINED", 2)
    assert found(people["archive"], "studies", "limit=2&offset=1")
    response = people["archive"].get("/studies?KVP=121")
    assert (response.status_code, response.json["error"]["code"]) == (413, "search_too_broad")
    assert found(people["archive"], "studies", "KVP=121&PatientID=ID-2") == []


@pytest.mark.parametrize(
    ("path", "is_opening"),
    [
        (f"/studies/{ROE}/series", True),
        ("/series", False),
        (f"/studies?StudyInstanceUID={ROE}", True),
    ],
)
def test_preparing_makes_way_for_whoever_opens_a_study_and_for_no_search(
    archive: Archive, tmp_path: Path, path: str, is_opening: bool
) -> None:
    client = gateway_app(archive, SCOPES, shelf=Shelf(tmp_path)).test_client()
    assert Caller(client, "named").get(path).status_code == 200
    assert (tmp_path / WAY).exists() is is_opening
