"""Taking a known identity out of what somebody wrote, and nothing else."""

from __future__ import annotations

import pytest

from server.web.redaction import Identity, without_identity

KNOWN = Identity(
    names=frozenset({"MÜLLER-LÜDENSCHEIDT^HANS PETER^^DR^III", "O'Brien^Siobhán"}),
    identifiers=frozenset({"QF-448812", "0000731945", "7", "ACC.77/3", ""}),
    birth_dates=frozenset({"19470312"}),
    institutions=frozenset({"Universitätsklinikum Großhadern"}),
)


def hidden(text: str, identity: Identity = KNOWN) -> str:
    return without_identity(text, identity)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Can Mr Müller-Lüdenscheidt be resected?", "Can Mr … be resected?"),
        ("MUELLER LUEDENSCHEIDT, Hans Peter", "…"),
        ("muller_ludenscheidt", "…"),
        ("Müllers Leber", "… Leber"),
        ("Hans's scan", "…'s scan"),
        ("siobhan OBrien and Siobhán O’Brien", "… and …"),
        ("Mu\u0308ller", "…"),
        ("record QF448812, qf 448812 and QF-448812.", "record …, … and …."),
        ("number 731945, or 0000731945", "number …, or …"),
        ("accession ACC77/3", "accession …"),
        ("treated in Grosshadern", "treated in …"),
        ("from Universitätsklinikum  Großhadern", "from …"),
    ],
)
def test_names_numbers_and_the_hospital_are_taken_out_however_they_are_written(
    written: str, shown: str
) -> None:
    assert hidden(written) == shown


@pytest.mark.parametrize(
    "written",
    [
        *("12.03.1947", "12/3/1947", "3/12/1947", "1947-03-12", "12-03-47", "19470312", "12031947"),
        *("12 March 1947", "12th of March 1947", "March 12, 1947", "12. März 1947", "12-Mar-1947"),
        *("12 de marzo de 1947", "12. 3. 47", "1947 March 12"),
    ],
)
def test_the_date_of_birth_is_taken_out_in_its_usual_forms(written: str) -> None:
    assert hidden(f"Born {written}, well.") == "Born …, well."


@pytest.mark.parametrize(
    "text",
    [
        "Is the 12 mm lesion in segment III, 7 cm from the hilum, resectable?",
        "CT of 2026-03-12; the surgeon is 1947 metres away",
        "Chansons, handshake, the university hospital, 448812 alone",
        "A contact of 120° with the SMA, stage IIB (pT3 N1), FLR 31.5 %",
        "",
    ],
)
def test_what_says_nothing_of_the_patient_stands_as_it_was_written(text: str) -> None:
    assert hidden(text) == text


def test_a_name_that_is_also_a_word_of_imaging_goes_only_where_it_is_said_as_a_name() -> None:
    known = Identity(names=frozenset({"KIDNEY^Rose"}))
    assert hidden("Is the left kidney free?", known) == "Is the left kidney free?"
    for written in ("Mrs Kidney", "Rose Kidney", "Kidney, Rose"):
        assert "kidney" not in hidden(f"Asks {written} today", known).lower()


def test_a_short_family_name_goes_with_a_title_or_with_the_given_name() -> None:
    known = Identity(names=frozenset({"Ng^Mei Lin"}))
    assert hidden("Mr Ng, Ng Mei Lin, NG MEI; 5 ng/mL", known) == "…, …, …; 5 ng/mL"


def test_names_in_scripts_without_spaces_are_found_inside_a_sentence() -> None:
    known = Identity(names=frozenset({"Yamada^Tarou=山田^太郎=やまだ^たろう"}))
    assert hidden("患者山田太郎の肝臓", known) == "患者…の肝臓"
    assert hidden("太郎さん、YAMADA", known) == "…さん、…"


@pytest.mark.parametrize(
    "odd", ["^^^^", "=", "(.*)+[", "\\", "A" * 330, "1.2.3^|", "\N{COMBINING DIAERESIS}"]
)
def test_an_odd_identity_breaks_nothing(odd: str) -> None:
    known = Identity(
        names=frozenset({odd}),
        identifiers=frozenset({odd}),
        birth_dates=frozenset({odd}),
        institutions=frozenset({odd}),
    )
    assert hidden("Can it be resected?", known) == "Can it be resected?"


def test_what_is_known_of_nobody_changes_nothing() -> None:
    assert hidden("Müller, 12.03.1947", Identity()) == "Müller, 12.03.1947"
