"""QIDO-RS through the gateway: narrowed, never widened, and in the words clients use."""

from __future__ import annotations

import pytest

from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller

pytestmark = pytest.mark.orthanc
CASE_STUDIES = {samples.CASE, samples.CASE_PRIOR, samples.WRITABLE}
EVERYTHING = {*CASE_STUDIES, samples.NOT_OF_CASE, samples.OTHER}


def studies(caller: Caller, query: str = "", level: str = "studies") -> set[str]:
    response = caller.get(f"/{level}{query}")
    assert response.status_code == 200
    assert response.content_type == "application/dicom+json"
    return {item["0020000D"]["Value"][0] for item in response.json}


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_a_search_without_a_key_finds_the_grants_studies(
    callers: dict[str, Caller], level: str
) -> None:
    assert studies(callers["insider"], level=level) == CASE_STUDIES
    assert studies(callers["outsider"], level=level) == {samples.OTHER}
    assert studies(callers["nobodys"], level=level) == set()
    assert studies(callers["archive"], level=level) == EVERYTHING


@pytest.mark.parametrize("key", ["PatientID", "00100020", "00100020=&PatientName"])
def test_a_search_by_patient_finds_the_cases_studies_of_that_patient_only(
    callers: dict[str, Caller], key: str
) -> None:
    value = "INSIDE-1" if key != "00100020=&PatientName" else "Phantom*"
    assert studies(callers["insider"], f"?{key}={value}") == CASE_STUDIES
    assert studies(callers["insider"], f"?PatientID={samples.OTHER_PATIENT}") == set()
    assert studies(callers["archive"], f"?PatientID={samples.INSIDE}") == EVERYTHING - {
        samples.OTHER
    }


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("StudyDescription=CT%20of%20the%20upper%20abdomen", True),
        ("StudyDescription=CT+of+the+*", True),
        ("StudyDescription=CT-of-the-upper-abdomen", False),
        ("StudyDescription=CT%20of%20the%20lower%20abdomen", False),
        ("PatientName=phantom%5Einside-1", True),
        ("PatientName=Phant%C3%B6m%5EINSIDE-1", False),
        ("PatientName=Phantom%26INSIDE-1", False),
        ("PatientName=%25", False),
    ],
)
def test_what_is_percent_encoded_matches_as_it_was_meant(
    insider: Caller, query: str, finds: bool
) -> None:
    assert studies(insider, f"?{query}") == (CASE_STUDIES if finds else set())


def test_trailing_spaces_of_an_identifier_do_not_matter(insider: Caller) -> None:
    assert studies(insider, "?PatientID=INSIDE-1%20") == CASE_STUDIES


@pytest.mark.parametrize("separator", ["\\", "%5C", ","])
def test_a_list_of_uids_is_answered_as_far_as_the_grant_goes(
    callers: dict[str, Caller], separator: str
) -> None:
    wanted = separator.join([samples.CASE, samples.NOT_OF_CASE, samples.OTHER])
    query = f"?StudyInstanceUID={wanted}&limit=101&offset=0&fuzzymatching=false"
    assert studies(callers["insider"], query) == {samples.CASE}
    assert studies(callers["outsider"], query) == {samples.OTHER}
    assert studies(callers["archive"], query) == {
        samples.CASE,
        samples.NOT_OF_CASE,
        samples.OTHER,
    }


@pytest.mark.parametrize("value", ["", "*", "%2A"])
def test_an_empty_or_starred_uid_is_no_restriction_and_no_widening(
    insider: Caller, value: str
) -> None:
    assert studies(insider, f"?StudyInstanceUID={value}") == CASE_STUDIES
    assert studies(insider, f"?0020000D={value}", level="series") == CASE_STUDIES


@pytest.mark.parametrize(
    "query",
    [
        f"?StudyInstanceUID={samples.OTHER}",
        f"?0020000d={samples.OTHER}",
        f"?StudyInstanceUID={samples.NOT_OF_CASE}",
        "?StudyInstanceUID=1.2.*",
        "?StudyInstanceUID=nonsense",
        f"?SeriesInstanceUID={samples.OTHER}.1",
        "?AccessionNumber=ACC-200",
    ],
)
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_no_key_reaches_beyond_the_grant(insider: Caller, level: str, query: str) -> None:
    assert samples.OTHER not in studies(insider, query, level)
    assert samples.NOT_OF_CASE not in studies(insider, query, level)


def test_a_key_cannot_lead_out_of_the_path(insider: Caller) -> None:
    path = f"/studies/{samples.CASE}/series"
    assert insider.get(f"{path}?StudyInstanceUID={samples.CASE_PRIOR}").json == []
    other = insider.get(f"{path}/{samples.PORTAL}/instances?SeriesInstanceUID={samples.COMPRESSED}")
    assert other.json == []
    same = insider.get(f"{path}/{samples.PORTAL}/instances?SeriesInstanceUID={samples.PORTAL}")
    assert len(same.json) == samples.SLICES


def test_series_and_instances_of_a_study_are_listed_with_our_own_addresses(
    insider: Caller,
) -> None:
    series = insider.get(f"/studies/{samples.CASE}/series?includefield=00080021,SeriesDescription")
    found = {item["0020000E"]["Value"][0]: item for item in series.json}
    assert set(found) == {
        samples.PORTAL,
        samples.DOCUMENTS,
        samples.COMPRESSED,
        samples.MULTIFRAME,
        samples.REPORTS,
    }
    address = f"http://localhost/dicom-web/studies/{samples.CASE}/series/{samples.PORTAL}"
    assert found[samples.PORTAL]["00081190"] == {"vr": "UR", "Value": [address]}
    instances = insider.get(f"/studies/{samples.CASE}/series/{samples.PORTAL}/instances")
    assert {item["00081190"]["Value"][0] for item in instances.json} == {
        f"{address}/instances/{samples.PORTAL}.{number}" for number in range(1, samples.SLICES + 1)
    }
    assert len(insider.get(f"/studies/{samples.CASE}/instances?Modality=SR").json) == 1


def test_a_browsers_answer_has_paths_below_its_visit(insider: Caller) -> None:
    response = insider._client.get("/r/insider/dicom-web/studies")
    assert {item["00081190"]["Value"][0] for item in response.json} == {
        f"/r/insider/dicom-web/studies/{uid}" for uid in CASE_STUDIES
    }


def test_limit_and_offset_count_over_all_studies_of_the_grant(insider: Caller) -> None:
    everything = insider.get("/instances").json
    starts = range(0, len(everything) + 4, 4)
    pages = [insider.get(f"/instances?limit=4&offset={start}").json for start in starts]
    assert [item for page in pages for item in page] == everything
    assert insider.get("/instances?limit=0").json == []
    assert insider.get("/instances?offset=500").json == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=-1",
        "offset=1.5",
        "limit=",
        "fuzzymatching=maybe",
        "PatientID=a&PatientID=b",
        "PatientID=a&00100020=b",
        "StudyInstanceUID=" + ",".join(["1.2"] * 600),
        "StudyInstanceUID=" + ",".join(["1.2.3.4.5"] * 10_000),
        "PatientName=" + "a" * 1_000_000,
        "StudyDate=2026-not-a-date",
        "StudyDate=20260103-20260102",
        "StudyTime=noon",
        "InstanceNumber=first",
        "RequestAttributesSequence=1",
    ],
    ids=lambda query: query[:40],
)
@pytest.mark.parametrize("name", ["insider", "archive"])
def test_a_query_that_cannot_be_understood_is_a_bad_request(
    callers: dict[str, Caller], name: str, query: str
) -> None:
    response = callers[name].get(f"/studies?{query}")
    assert response.status_code == 400
    assert response.json["error"]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "Nonsense=1",
        "00990099=1",
        "includefield=all",
        "includefield=Nonsense,00081110.00081150",
        "fuzzymatching=true",
        "_=12345",
        "StudyDate=20260101-20261231",
        "ModalitiesInStudy=CT",
    ],
)
def test_keys_that_nobody_knows_are_passed_over(insider: Caller, query: str) -> None:
    assert studies(insider, f"?{query}") == CASE_STUDIES


def test_search_results_are_json_or_not_at_all(insider: Caller) -> None:
    assert insider.get("/studies", "application/json").content_type == "application/json"
    response = insider.get("/studies", 'multipart/related; type="application/dicom+xml"')
    assert response.status_code == 406
    assert response.json["error"]["code"] == "not_acceptable"


def test_a_plus_in_the_accept_parameter_need_not_be_escaped(insider: Caller) -> None:
    for wish in ("application/dicom+json", "application/dicom%2Bjson"):
        answer = insider.get(f"/studies?accept={wish}", "text/html")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/dicom+json"
