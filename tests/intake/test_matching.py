"""To which case a study belongs, and when nobody but a person can say."""

from __future__ import annotations

from datetime import date

import pytest

from server.cases.accession import accession_numbers, written_as_list
from server.intake.arrivals.identity import Identity
from server.intake.arrivals.matching import Candidate, Guesses, Match, StudyFacts, match


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
    patients: tuple[Identity, ...] = (),
    opened_on: date | None = None,
) -> Candidate:
    return Candidate(
        f"id of {number}",
        number,
        hospital_id,
        accession_numbers(accession),
        bool(patients),
        patients,
        opened_on,
    )


FIRST = case("M-2026-00001", accession="A-1, A-2")
SECOND = case("M-2026-00002", hospital_id="hillcrest", accession="B-1")


def test_the_expected_accession_number_matches() -> None:
    answer = match(study(AccessionNumber=" a-2 "), [FIRST, SECOND])
    assert isinstance(answer, Match)
    assert answer.number == "M-2026-00001"
    assert "accession number" in answer.reason.lower()
    assert "A-2" not in answer.reason.upper(), "the trail keeps this sentence, and names no patient"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  A-1 ,\tA-2 ;A-1\n", "A-1, A-2"), (" ,; ", ""), ("a-1", "a-1")],
)
def test_accession_numbers_are_kept_without_the_spaces_that_came_with_them(
    typed: str, kept: str
) -> None:
    assert written_as_list(typed) == kept
    assert accession_numbers(kept) == accession_numbers(typed)


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
    assert [(g.number, "Another hospital sent it" in g.doubts) for g in answer.guesses] == [
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
    assert all("More than one case fits this reference" in g.doubts for g in answer.guesses)


ROSA = Identity("Müller^Rosa", "19610412", "F", "99")


def guesses(facts: StudyFacts, *cases: Candidate) -> dict[str, int]:
    answer = match(facts, cases)
    assert isinstance(answer, Guesses)
    return {guess.number: guess.score for guess in answer.guesses}


def test_the_same_patient_id_is_only_a_guess_and_only_within_one_hospital() -> None:
    known = case("M-2026-00004", patients=(Identity(PatientID="99"),))
    foreign = case("M-2026-00005", "hillcrest", patients=(Identity(PatientID="99"),))
    answer = match(study(PatientID="99"), [known, foreign])
    assert isinstance(answer, Guesses)
    assert [g.number for g in answer.guesses] == ["M-2026-00004"]
    assert "Same PatientID in the same hospital" in answer.guesses[0].reasons


def test_nothing_fitting_gives_no_guess() -> None:
    answer = match(study(), [case("M-2026-00006", "hillcrest")])
    assert answer == Guesses(())


def test_a_case_is_guessed_once_with_all_its_reasons() -> None:
    expected = case("M-2026-00007", "hillcrest", accession="A-9", patients=(ROSA,))
    facts = study(
        AccessionNumber="A-9",
        PatientName="MUELLER^ROSA",
        PatientBirthDate="19610412",
        PatientSex="F",
    )
    answer = match(facts, [expected])
    assert isinstance(answer, Guesses)
    assert [guess.reasons for guess in answer.guesses] == [
        ("Accession number A-9 is the one expected", "Same name", "Same birth date")
    ]
    assert answer.guesses[0].doubts == ("Another hospital sent it",)


def test_the_better_a_patient_fits_the_higher_the_guess_stands() -> None:
    others = [
        case("M-2026-00011", patients=(ROSA,)),
        case("M-2026-00012", patients=(Identity("Mueller^Rosa", "19611204", "F"),)),
        case("M-2026-00013", patients=(Identity("Müller^Rosalie", "19610413", "F"),)),
        case("M-2026-00014", patients=(Identity("Okafor^Chidi", "19800101", "M"),)),
    ]
    facts = study(
        PatientName="Müller^Rosa", PatientBirthDate="19610412", PatientSex="F", PatientID="99"
    )
    found = guesses(facts, *others)
    assert list(found) == ["M-2026-00011", "M-2026-00012", "M-2026-00013"]
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_slip_of_the_hand_is_named() -> None:
    answer = match(
        study(PatientName="Muller^Rosa", PatientBirthDate="19611204"),
        [case("M-2026-00012", patients=(ROSA,))],
    )
    assert isinstance(answer, Guesses)
    assert "Same birth date with day and month exchanged" in answer.guesses[0].reasons
    answer = match(
        study(PatientName="Muler^Rosa", PatientBirthDate="19610413"),
        [case("M-2026-00012", patients=(ROSA,))],
    )
    assert isinstance(answer, Guesses)
    assert "Birth date differs in one digit" in answer.guesses[0].reasons
    assert "Nearly the same name" in answer.guesses[0].reasons


def test_an_expected_study_of_evidently_another_patient_is_not_attached_by_itself() -> None:
    expecting = case("M-2026-00008", accession="A-1", patients=(ROSA,))
    other = study(
        AccessionNumber="A-1",
        PatientName="Okafor^Chidi",
        PatientBirthDate="19800101",
        PatientSex="M",
    )
    answer = match(other, [expecting])
    assert isinstance(answer, Guesses)
    assert set(answer.guesses[0].doubts) == {"Another name", "Another birth date", "Another sex"}


def test_a_married_name_alone_stops_no_match() -> None:
    expecting = case("M-2026-00008", accession="A-1", patients=(ROSA,))
    married = study(AccessionNumber="A-1", PatientName="Okafor^Chioma", PatientBirthDate="19610412")
    assert isinstance(match(married, [expecting]), Match)


def test_the_day_counts_for_a_case_that_waits_for_images() -> None:
    waits = case("M-2026-00009", opened_on=date(2026, 11, 20))
    older = case("M-2026-00010", opened_on=date(2026, 1, 2))
    found = match(study(StudyDate="20261118"), [older, waits])
    assert isinstance(found, Guesses)
    assert [guess.number for guess in found.guesses] == ["M-2026-00009", "M-2026-00010"]
    assert "Made 2 days before the case was opened" in found.guesses[0].reasons


def test_nonsense_in_dates_and_names_is_no_reason_and_no_error() -> None:
    odd = study(
        PatientName="^^=^=", PatientBirthDate="19999999", StudyDate="2026-11-1", PatientSex="?"
    )
    assert guesses(odd, case("M-2026-00009", patients=(ROSA,), opened_on=date(2026, 11, 20))) == {}
