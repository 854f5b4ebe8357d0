"""To which case a study belongs, and when nobody but a person can say."""

from __future__ import annotations

from server.intake.matching import Candidate, Guesses, Match, StudyFacts, accession_numbers, match


def study(**facts: str | None) -> StudyFacts:
    said: dict[str, str | None] = {
        "AccessionNumber": "",
        "StudyDescription": "",
        "StudyID": "",
        "PatientID": "",
        "hospital_id": "riverside",
    }
    return StudyFacts(**{**said, **facts})  # type: ignore[arg-type]


def case(
    number: str,
    hospital_id: str = "riverside",
    accession: str = "",
    patient_ids: tuple[str, ...] = (),
    has_studies: bool = False,
) -> Candidate:
    return Candidate(
        f"id of {number}",
        number,
        hospital_id,
        accession_numbers(accession),
        frozenset(patient_ids),
        has_studies,
    )


FIRST = case("M-2026-00001", accession="A-1, A-2")
SECOND = case("M-2026-00002", hospital_id="hillcrest", accession="B-1")


def test_the_expected_accession_number_matches() -> None:
    answer = match(study(AccessionNumber=" a-2 "), [FIRST, SECOND])
    assert isinstance(answer, Match)
    assert answer.number == "M-2026-00001"
    assert "A-2" in answer.reason.upper()


def test_the_case_number_matches_wherever_it_is_written() -> None:
    for attribute in ("AccessionNumber", "StudyDescription", "StudyID"):
        answer = match(study(**{attribute: "for m-2026-00001 please"}), [FIRST, SECOND])
        assert isinstance(answer, Match)


def test_the_case_number_goes_before_another_cases_accession_number() -> None:
    third = case("M-2026-00003")
    answer = match(study(AccessionNumber="A-1", StudyDescription="M-2026-00003"), [FIRST, third])
    assert isinstance(answer, Match)
    assert answer.number == "M-2026-00003"


def test_another_hospitals_accession_number_is_only_a_guess() -> None:
    answer = match(study(AccessionNumber="B-1"), [FIRST, SECOND])
    assert isinstance(answer, Guesses)
    assert [(g.number, "another hospital" in g.reason) for g in answer.guesses] == [
        ("M-2026-00002", True),
        ("M-2026-00001", False),
    ]


def test_an_unknown_sender_is_never_matched() -> None:
    answer = match(study(AccessionNumber="A-1", hospital_id=None), [FIRST])
    assert isinstance(answer, Guesses)


def test_two_cases_expecting_one_accession_number_are_left_to_a_person() -> None:
    twin = case("M-2026-00003", accession="A-1")
    answer = match(study(AccessionNumber="A-1"), [FIRST, twin])
    assert isinstance(answer, Guesses)
    assert {g.number for g in answer.guesses} == {"M-2026-00001", "M-2026-00003"}
    assert all("more than one" in g.reason for g in answer.guesses)


def test_the_same_patient_id_is_only_a_guess_and_only_within_one_hospital() -> None:
    known = case("M-2026-00004", patient_ids=("99",), has_studies=True)
    foreign = case("M-2026-00005", "hillcrest", patient_ids=("99",), has_studies=True)
    answer = match(study(PatientID="99"), [known, foreign])
    assert isinstance(answer, Guesses)
    assert [g.number for g in answer.guesses] == ["M-2026-00004"]


def test_nothing_fitting_gives_no_guess() -> None:
    answer = match(study(), [case("M-2026-00006", "hillcrest")])
    assert answer == Guesses(())


def test_a_case_is_guessed_once_with_its_best_reason() -> None:
    both = case("M-2026-00007", patient_ids=("99",))
    answer = match(study(PatientID="99"), [both])
    assert isinstance(answer, Guesses)
    assert len(answer.guesses) == 1
    assert "PatientID" in answer.guesses[0].reason
