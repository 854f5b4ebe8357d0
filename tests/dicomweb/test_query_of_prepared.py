"""Searches over what was prepared: Orthanc is away in all of these tests."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.archive import Archive
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from server.dicomweb.query import search
from server.dicomweb.views.pseudonyms import PseudonymisedView
from server.dicomweb.views.view import PLAIN_VIEW, View
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.shelf import MANIFEST, Shelf
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app

STUDY, OTHER, MISSING = "1.2.7.1", "1.2.7.2", "1.2.7.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
SERIES, SLICES = 10, 40


def instance(study: str, series: str, number: int) -> dict[str, Any]:
    """One slice in the DICOM JSON Model, with some forty attributes as a scanner writes them."""
    patient = "Doe^Jane" if study == STUDY else "Roe^Richard"
    found = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080016": {"vr": "UI", "Value": [CT]},
        "00080018": {"vr": "UI", "Value": [f"{series}.{number}"]},
        "00080020": {"vr": "DA", "Value": ["20260102"]},
        "00080030": {"vr": "TM", "Value": ["101112"]},
        "00080050": {"vr": "SH", "Value": [f"ACC-{study}"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00080080": {"vr": "LO", "Value": ["St Elsewhere"]},
        "00080090": {"vr": "PN"},
        "00081030": {"vr": "LO", "Value": ["CT of the liver"]},
        "0008103E": {"vr": "LO", "Value": [f"phase {series}"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": patient}]},
        "00100020": {"vr": "LO", "Value": [f"ID-{study}"]},
        "00100030": {"vr": "DA", "Value": ["19600101"]},
        "00100040": {"vr": "CS", "Value": ["F"]},
        "00180060": {"vr": "DS", "Value": [120]},
        "0020000D": {"vr": "UI", "Value": [study]},
        "0020000E": {"vr": "UI", "Value": [series]},
        "00200010": {"vr": "SH", "Value": ["7"]},
        "00200011": {"vr": "IS", "Value": [int(series.rpartition(".")[2])]},
        "00200013": {"vr": "IS", "Value": [number]},
        "00200032": {"vr": "DS", "Value": [0, 0, number]},
        "00280010": {"vr": "US", "Value": [512]},
        "00280011": {"vr": "US", "Value": [512]},
        "00280100": {"vr": "US", "Value": [16]},
        "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["SPS1"]}}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": f"studies/{study}/bulk"},
    }
    for element in range(0x1100, 0x1114):
        found[f"0018{element:04X}"] = {"vr": "DS", "Value": [element / 7]}
    return found


def shelve(shelf: Shelf, study: str, series: str, count: int = SLICES) -> None:
    """Puts a series on the shelf, as preparing it does."""
    datasets = [instance(study, series, number) for number in range(1, count + 1)]
    folder = shelf.folder(study, series)
    folder.mkdir(parents=True)
    shelf.metadata(study, series).write_bytes(gzip.compress(json.dumps(datasets).encode()))
    first = {tag: element for tag, element in datasets[0].items() if "BulkDataURI" not in element}
    prepared = tuple(
        PreparedInstance(f"{series}.{number}", CT, f"orthanc-{number}", IMPLICIT_LITTLE)
        for number in range(1, count + 1)
    )
    manifest = Manifest(study, series, "orthanc", count, "", first, True, prepared)
    (folder / MANIFEST).write_text(json.dumps(manifest.written()))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    for number in range(1, SERIES + 1):
        shelve(shelf, STUDY, f"{STUDY}.{number}")
    shelve(shelf, OTHER, f"{OTHER}.1", count=2)
    return shelf


@pytest.fixture(scope="module")
def away() -> Iterator[Archive]:
    """An archive where nobody answers: its port is held, and not listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        archive = Archive(f"http://127.0.0.1:{held.getsockname()[1]}", "", "", 1.0)
        yield archive
        archive.close()


class Asker:
    """Somebody with a token, searching."""

    def __init__(self, client: FlaskClient, name: str) -> None:
        self._client, self._name = client, name

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> Any:
        headers["Authorization"] = f"Bearer {self._name}"
        return self._client.open(f"/dicom-web{path}", method=method, headers=headers)

    def uids(self, path: str, tag: str = "0020000E") -> list[str]:
        response = self.ask(path)
        assert response.status_code == 200
        return [item[tag]["Value"][0] for item in response.json]


SCOPES = {
    "case": HandMadeScope(frozenset({STUDY})),
    "both": HandMadeScope(frozenset({STUDY, OTHER})),
    "more": HandMadeScope(frozenset({STUDY, MISSING})),
    "missing": HandMadeScope(frozenset({MISSING})),
    "archive": HandMadeScope(None),
}


def askers(archive: Archive, shelf: Shelf, view: View) -> dict[str, Asker]:
    client = gateway_app(archive, SCOPES, shelf=shelf, view=view).test_client()
    return {name: Asker(client, name) for name in SCOPES}


@pytest.fixture(scope="module")
def people(away: Archive, shelf: Shelf) -> dict[str, Asker]:
    return askers(away, shelf, PLAIN_VIEW)


@pytest.fixture
def case(people: dict[str, Asker]) -> Asker:
    return people["case"]


def test_prepared_studies_are_found_while_orthanc_is_away(people: dict[str, Asker]) -> None:
    assert people["case"].uids("/studies", "0020000D") == [STUDY]
    assert people["both"].uids("/studies?PatientName=roe*", "0020000D") == [OTHER]
    series = [f"{STUDY}.{number}" for number in range(1, SERIES + 1)]
    assert people["case"].uids(f"/studies/{STUDY}/series") == series
    assert people["case"].uids("/series?SeriesNumber=3") == [f"{STUDY}.3"]
    instances = people["case"].uids("/instances?InstanceNumber=7", "00080018")
    assert instances == [f"{uid}.7" for uid in series]


def test_counts_and_addresses_are_told(case: Asker) -> None:
    (study,) = case.ask("/studies").json
    assert study["00201206"]["Value"] == [SERIES]
    assert study["00201208"]["Value"] == [SERIES * SLICES]
    assert study["00081190"]["Value"] == [f"http://localhost/dicom-web/studies/{STUDY}"]
    path = f"/studies/{STUDY}/series/{STUDY}.2"
    first, *_ = case.ask(f"{path}/instances").json
    assert first["00081190"]["Value"] == [f"http://localhost/dicom-web{path}/instances/{STUDY}.2.1"]
    assert first["00083002"]["Value"] == [EXPLICIT_LITTLE]
    assert first["00080056"]["Value"] == ["ONLINE"]


def test_what_is_not_remembered_of_an_instance_is_read_from_its_metadata(case: Asker) -> None:
    path = f"/studies/{STUDY}/series/{STUDY}.2/instances"
    found = case.ask(f"{path}?KVP=120&InstanceNumber=5&includefield=all").json
    assert [item["00200013"]["Value"] for item in found] == [[5]]
    assert "00181110" in found[0] and "7FE00010" not in found[0]
    assert case.ask(f"{path}?KVP=121").json == []


def test_where_some_study_is_not_known_the_answer_says_so(people: dict[str, Asker]) -> None:
    response = people["more"].ask("/studies")
    assert [item["0020000D"]["Value"] for item in response.json] == [[STUDY]]
    assert response.headers["Warning"].startswith("299 http://localhost/dicom-web: The image")
    response = people["missing"].ask("/studies")
    assert (response.status_code, response.json["error"]["code"]) == (503, "archive_unavailable")
    assert people["archive"].ask("/studies").status_code == 503
    assert people["archive"].uids(f"/studies?StudyInstanceUID={OTHER}", "0020000D") == [OTHER]


@pytest.mark.parametrize(
    ("query", "remaining"),
    [
        ("", 0),
        ("limit=400", 0),
        ("limit=399", 1),
        ("limit=10&offset=100", 290),
        ("limit=10&offset=390", 0),
        ("offset=1000", 0),
        ("limit=0", 400),
        ("limit=5&InstanceNumber=1", 5),
        ("limit=5&KVP=120", 395),
    ],
)
def test_a_page_says_how_much_remains(case: Asker, query: str, remaining: int) -> None:
    response = case.ask(f"/instances?{query}")
    assert response.status_code == 200
    service = "299 http://localhost/dicom-web"
    expected = f"{service}: There are {remaining} additional results that can be requested"
    assert response.headers.get("Warning") == (expected if remaining else None)


def test_whole_instances_come_in_smaller_pages(
    case: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_WHOLE_INSTANCES", 100)
    response = case.ask("/instances?includefield=all&limit=300")
    assert len(response.json) == 100
    assert "There are 300 additional" in response.headers["Warning"]
    assert len(case.ask("/instances?includefield=KVP&limit=300").json) == 300


def test_the_same_search_gives_the_same_answer_and_can_be_asked_about(case: Asker) -> None:
    path = f"/studies/{STUDY}/series"
    first = case.ask(path)
    assert first.data == case.ask(path).data
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = case.ask(path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = case.ask(f"{path}?SeriesNumber=1", **{"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_a_long_answer_is_compressed_for_who_takes_that(case: Asker) -> None:
    plain = case.ask("/instances")
    packed = case.ask("/instances", **{"Accept-Encoding": "gzip, deflate, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 10
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert (
        "Content-Encoding" not in case.ask("/instances", **{"Accept-Encoding": "gzip;q=0"}).headers
    )


@pytest.mark.parametrize("path", ["/studies", "/series?limit=3", "/instances?PatientID=none"])
def test_head_answers_like_get_without_a_body(case: Asker, path: str) -> None:
    got, head = case.ask(path), case.ask(path, method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Warning"):
        assert head.headers.get(name) == got.headers.get(name)


def test_nothing_found_is_an_empty_list(case: Asker) -> None:
    for path in ("/studies?PatientID=none", f"/studies/{STUDY}/series?SeriesNumber=99"):
        response = case.ask(path)
        assert (response.status_code, response.data) == (200, b"[]")
        assert response.content_type == "application/dicom+json"


def test_a_prepared_series_that_was_given_up_is_not_found_from_memory(
    away: Archive, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path)
    shelve(shelf, STUDY, f"{STUDY}.1")
    case = askers(away, shelf, PLAIN_VIEW)["case"]
    assert len(case.ask("/instances").json) == SLICES
    (shelf.folder(STUDY, f"{STUDY}.1") / MANIFEST).unlink()
    assert case.ask("/instances").status_code == 503


def test_searching_a_prepared_case_takes_milliseconds(case: Asker) -> None:
    """Ten series. What other programs do meanwhile does not count."""
    for path, at_most_s in (
        ("/studies", 0.05),
        (f"/studies/{STUDY}/series?includefield=all", 0.1),
        ("/instances?limit=50&offset=200", 0.1),
    ):
        case.ask(path)
        begin = time.thread_time()
        case.ask(path)
        assert time.thread_time() - begin < at_most_s


@pytest.mark.parametrize("query", ["a=1&" * 250_000, "StudyInstanceUID=" + "1.2.3," * 10_000])
def test_a_search_without_measure_is_refused_before_it_is_read(case: Asker, query: str) -> None:
    begin = time.thread_time()
    response = case.ask(f"/studies?{query}")
    assert time.thread_time() - begin < 0.5
    assert (response.status_code, response.json["error"]["code"]) == (400, "bad_request")


# Under pseudonyms


class Veiled:
    """A view for tests: every UID begins with 9, Jane is X, patient identifiers are P.

    The second instance of each series is withheld.
    """

    id, pseudonymised = "0123456789abcdef", True

    def real(self, uid: str) -> str | None:
        return uid.removeprefix("9.") if uid.startswith("9.") else None

    def shown(self, uid: str) -> str:
        return f"9.{uid}"

    def json(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        if dataset["00200013"]["Value"] == [2]:
            return None
        found = json.loads(json.dumps(dataset))
        for tag in ("00080018", "0020000D", "0020000E"):
            found[tag]["Value"] = [self.shown(found[tag]["Value"][0])]
        found["00100010"]["Value"] = [{"Alphabetic": "X"}]
        found["00100020"]["Value"] = ["P"]
        found["00080050"] = {"vr": "SH"}
        del found["00080080"]
        return dict(found)

    def file(self, file: object) -> None:
        """No file is asked for here."""

    def incoming(self, data: bytes) -> bytes:
        return data

    def pixels_withheld(self, dataset: dict[str, Any]) -> str:
        return ""


@pytest.fixture
def veiled(away: Archive, shelf: Shelf) -> Asker:
    return askers(away, shelf, Veiled())["case"]


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("", True),
        ("PatientName=X", True),
        ("PatientID=P", True),
        (f"StudyInstanceUID=9.{STUDY}", True),
        (f"SeriesInstanceUID=9.{STUDY}.1", True),
        (f"SOPInstanceUID=9.{STUDY}.1.1", True),
        ("PatientName=Doe*", False),
        ("PatientName=doe&fuzzymatching=true", False),
        (f"PatientID=ID-{STUDY}", False),
        ("PatientID=ID*", False),
        ("AccessionNumber=ACC*", False),
        ("InstitutionName=St*", False),
        (f"StudyInstanceUID={STUDY}", False),
        (f"SeriesInstanceUID={STUDY}.1", False),
        (f"SOPInstanceUID={STUDY}.1.1", False),
        (f"SOPInstanceUID=9.{STUDY}.1.2", False),
        ("AccessionNumber=%22%22&emptyvaluematching=true", True),
    ],
)
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_a_search_matches_what_is_shown_and_nothing_behind_it(
    veiled: Asker, level: str, query: str, finds: bool
) -> None:
    response = veiled.ask(f"/{level}?{query}&includefield=all")
    assert response.status_code == 200
    assert bool(response.json) is finds
    for secret in (b"Doe", b"ID-", b"ACC-", b"Elsewhere", b'"' + STUDY.encode()):
        assert secret not in response.data.replace(b"9." + STUDY.encode(), b"")


def test_what_is_withheld_is_not_listed_and_not_counted_on_pages(veiled: Asker) -> None:
    path = f"/instances?SeriesInstanceUID=9.{STUDY}.4"
    numbers = [item["00200013"]["Value"][0] for item in veiled.ask(path).json]
    assert numbers == [1, *range(3, SLICES + 1)]
    (second,) = veiled.ask(f"{path}&limit=1&offset=1").json
    assert second["00200013"]["Value"] == [3]
    assert second["00083002"]["Value"] == [EXPLICIT_LITTLE]
    assert second["00081190"]["Value"][0].endswith(
        f"/9.{STUDY}/series/9.{STUDY}.4/instances/9.{STUDY}.4.3"
    )


def test_the_real_view_is_searched_by_its_pseudonyms_only(away: Archive, shelf: Shelf) -> None:
    slices = [f"{STUDY}.{one}.{two}" for one in range(1, 11) for two in range(1, SLICES + 1)]
    uids = [STUDY, *(f"{STUDY}.{number}" for number in range(1, SERIES + 1)), *slices]
    view = PseudonymisedView(b"a key for tests, of 32 bytes ...", "C-7", lambda: uids)
    case = askers(away, shelf, view)["case"]
    (study,) = case.ask("/studies").json
    name, patient = study["00100010"]["Value"][0]["Alphabetic"], study["00100020"]["Value"][0]
    assert study["0020000D"]["Value"] == [view.shown(STUDY)]
    assert len(case.uids(f"/series?PatientName={name}&PatientID={patient}")) == SERIES
    wanted = view.shown(f"{STUDY}.3.7")
    (found,) = case.ask(f"/instances?SOPInstanceUID={wanted}&includefield=all").json
    assert found["00083002"]["Value"] == [EXPLICIT_LITTLE]
    for query in ("PatientName=Doe*", "PatientID=ID*", f"StudyInstanceUID={STUDY}"):
        for level in ("studies", "series", "instances"):
            assert case.ask(f"/{level}?{query}").json == []
    told = case.ask("/instances?includefield=all").data + json.dumps(found).encode()
    for secret in ("Doe", f"ID-{STUDY}", f"ACC-{STUDY}", "Elsewhere", f'"{STUDY}'):
        assert secret.encode() not in told
