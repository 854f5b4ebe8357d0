"""Orthanc's identifiers, computed here and given by a real Orthanc."""

from __future__ import annotations

import pytest

from server.archive import Archive, orthanc_id
from tests.archive.files import ct_slice, written

pytestmark = pytest.mark.orthanc


def test_an_identifier_is_five_groups_of_eight_hexadecimal_digits() -> None:
    # The example of the Orthanc Book's chapter on identifiers is a SHA-1 of "PatientID|...".
    assert orthanc_id("") == "da39a3ee-5e6b4b0d-3255bfef-95601890-afd80709"


@pytest.mark.parametrize("PatientID", ["P-1", "ends with a space ", "", "Ä-ö 1", "a|b"])
def test_a_computed_identifier_is_the_one_orthanc_gives(archive: Archive, PatientID: str) -> None:
    study = f"1.2.826.10.{len(PatientID)}"
    stored = archive.store_instance(written(ct_slice(PatientID, study, f"{study}.1", 1)))
    assert stored.orthanc_id == orthanc_id(PatientID, study, f"{study}.1", f"{study}.1.1")
    assert stored.series_id == orthanc_id(PatientID, study, f"{study}.1")
    assert stored.study_id == orthanc_id(PatientID, study)


def test_a_missing_patient_id_counts_as_empty_text(archive: Archive) -> None:
    dataset = ct_slice("x", "1.2.826.11", "1.2.826.11.1", 1)
    del dataset.PatientID
    stored = archive.store_instance(written(dataset))
    assert stored.orthanc_id == orthanc_id("", "1.2.826.11", "1.2.826.11.1", "1.2.826.11.1.1")


def test_candidates_follow_a_study_kept_under_two_patient_ids(archive: Archive) -> None:
    for PatientID in ("ONE", "TWO"):
        archive.store_instance(written(ct_slice(PatientID, "1.2.826.12", "1.2.826.12.1", 1)))
    assert set(archive.candidates("1.2.826.12")) == {
        orthanc_id("ONE", "1.2.826.12"),
        orthanc_id("TWO", "1.2.826.12"),
    }
    assert archive.candidates("1.2.826.404") == ()
