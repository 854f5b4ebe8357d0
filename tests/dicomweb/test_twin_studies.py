"""Two hospitals sent the same StudyInstanceUID: only what belongs to the case is given out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from server.archive import Archive
from server.archive.ids import orthanc_id
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app

STUDY = "1.2.826.0.1.3680043.8.498.70"
SERIES, TWIN_SERIES = f"{STUDY}.1", f"{STUDY}.2"
OURS, TWIN = "OURS", "TWINOFOTHERS"
TWIN_LETTER = f"{TWIN_SERIES}.9"
ANY_FILE = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def letter_of_the_twin() -> Dataset:
    letter = samples.document(TWIN_LETTER, EncapsulatedPDFStorage, b"%PDF-1.4", "application/pdf")
    letter.PatientID, letter.StudyInstanceUID, letter.SeriesInstanceUID = TWIN, STUDY, TWIN_SERIES
    letter.private_block(0x0009, "MAKER", create=True).add_new(0x10, "OB", bytes(4096))
    return letter


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("twins-orthanc")) as process:
        yield process


@pytest.fixture(scope="module")
def surgeon(orthanc: OrthancProcess) -> Iterator[Caller]:
    hidden = frozenset({orthanc_id(TWIN, STUDY)})
    archive = Archive(orthanc.url, USER, PASSWORD, not_served=lambda _: hidden)
    for patient, series in ((OURS, SERIES), (TWIN, TWIN_SERIES)):
        for number in (1, 2):
            archive.store_instance(written(ct_slice(patient, STUDY, series, number)))
    archive.store_instance(written(letter_of_the_twin()))
    scopes = {"surgeon": HandMadeScope(frozenset({STUDY}))}
    yield Caller(gateway_app(archive, scopes).test_client(), "surgeon")
    archive.close()


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/studies?includefield=all", None),
        ("/series?includefield=all", None),
        ("/instances?includefield=all", None),
        (f"/studies/{STUDY}/series", None),
        (f"/studies/{STUDY}/instances", None),
        (f"/studies/{STUDY}", ANY_FILE),
        (f"/studies/{STUDY}/series/{SERIES}/metadata", None),
    ],
)
def test_nothing_of_the_twin_is_in_an_answer(
    surgeon: Caller, path: str, accept: str | None
) -> None:
    answer = surgeon.get(path, accept)
    assert answer.status_code == 200
    assert STUDY.encode() in answer.data
    assert TWIN.encode() not in answer.data
    assert TWIN_SERIES.encode() not in answer.data


def test_the_metadata_of_the_study_are_those_of_the_series_that_are_served(
    surgeon: Caller,
) -> None:
    answer = surgeon.get(f"/studies/{STUDY}/metadata")
    assert answer.status_code == 200
    assert {one["0020000E"]["Value"][0] for one in answer.json} == {SERIES}
    assert len(answer.json) == 2
    assert TWIN.encode() not in answer.data


@pytest.mark.parametrize("what", ["", "/metadata", "/instances", "/rendered", "/thumbnail"])
def test_the_series_of_the_twin_is_not_there(surgeon: Caller, what: str) -> None:
    answer = surgeon.get(f"/studies/{STUDY}/series/{TWIN_SERIES}{what}")
    assert answer.status_code in (404, 200)
    assert answer.status_code == 404 or answer.json == []


@pytest.mark.parametrize(
    ("what", "accept"),
    [
        ("", "application/dicom"),
        ("/metadata", None),
        ("/bulk/00420011", None),
        ("/bulk/00091010", None),
        ("/bulkdata", None),
        ("/rendered", "application/pdf"),
    ],
)
def test_a_letter_of_the_twin_is_not_there(surgeon: Caller, what: str, accept: str | None) -> None:
    letter = f"/studies/{STUDY}/series/{TWIN_SERIES}/instances/{TWIN_LETTER}"
    assert surgeon.get(f"{letter}{what}", accept).status_code == 404
