"""Every sentence in every language, with its values put in as the language writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]  # it carries no types

from server.imaging import choosing, fitness, fitness_of_kinds, submission
from server.imaging.findings import Finding, Severity
from server.imaging.letter import letter_of, text_of
from server.imaging.phase import Phase
from server.imaging.protocols import protocols
from server.imaging.sheet import sheet_html
from server.imaging.wording import (
    LANGUAGES,
    LanguageNotKnown,
    number,
    said,
    words_of,
    written,
    written_day,
)
from server.opinions.pdf import pdf_of_html

EN = words_of("en")
OTHERS = [language for language in LANGUAGES if language != "en"]
DAY = date(2026, 3, 5)


def leaves(words: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in words.items():
        if isinstance(value, str):
            yield f"{path}/{name}", value
        elif not isinstance(value, list):
            yield from leaves(value, f"{path}/{name}")


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_all_that_english_says_with_the_same_values(language: str) -> None:
    english, other = dict(leaves(EN)), dict(leaves(words_of(language)))
    assert english.keys() == other.keys()
    for path, sentence in english.items():
        wanted = set(re.findall(r"{(\w+)", sentence))
        if path not in ("/date",):
            assert set(re.findall(r"{(\w+)", other[path])) == wanted, path


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_was_left_in_english(language: str) -> None:
    english = dict(leaves(EN))
    same = {
        path
        for path, sentence in leaves(words_of(language))
        if sentence == english[path] and " " in sentence and path != "/between"
    }
    assert same == set()


def test_every_finding_that_the_rules_name_has_its_sentences() -> None:
    modules = (fitness, fitness_of_kinds, submission, choosing)
    sources = [Path(module.__file__ or "").read_text() for module in modules]
    named = set(re.findall(r'"((?:[a-z]+_)+[a-z]+)",\s+(?:Severity|severity)', "\n".join(sources)))
    assert len(named) > 15
    assert named - set(EN["findings"]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_uptake_values_lack_has_its_words_and_the_sheet_its_numbers(language: str) -> None:
    lacks = ("units", "decay", "dose", "half_life", "injection_time")
    assert set(lacks) <= words_of(language)["pet_lacks"].keys()
    rectum = sheet_html(protocols()["rectum-mri"], language, on=DAY)
    assert "b ≥ 800 s/mm²" in rectum
    assert "≤ 5 mm" in sheet_html(protocols()["liver-mri"], language, on=DAY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_want_phase_and_protocol_has_its_word(language: str) -> None:
    words = words_of(language)
    for protocol in protocols().values():
        assert protocol.id in words["protocol"]
        assert {want.id for want in protocol.wants} <= words["want"].keys()
    assert {phase.value for phase in Phase} <= words["phase"].keys()


@pytest.mark.parametrize(
    ("language", "day", "figure"),
    [
        ("en", "2026-03-05", "2.5"),
        ("de", "05.03.2026", "2,5"),
        ("es", "5 de marzo de 2026", "2,5"),
        ("zh", "2026年3月5日", "2.5"),
        ("hi", "5 मार्च 2026", "2.5"),
    ],
)
def test_dates_and_numbers_are_written_as_the_language_writes_them(
    language: str, day: str, figure: str
) -> None:
    assert (written_day(DAY, language), number(2.5, language)) == (day, figure)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3.0, "3"),
        (0.625, "0.63"),
        (1.005, "1.01"),
        (2.675, "2.68"),
        (0.375, "0.38"),
        (0.6249, "0.62"),
        (-0.625, "-0.63"),
        (-0.001, "0"),
        (100.0, "100"),
        (12, "12"),
        ("plain {text}", "plain {text}"),
        ("@phase.delayed", "delayed phase"),
        ("@day:2026-03-05", "2026-03-05"),
        (["a", "b"], "a; b"),
        ([str(n) for n in range(14)], "0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; +2"),
    ],
)
def test_values_are_put_into_words(value: Any, shown: str) -> None:
    assert written(value) == shown


THICK = Finding(
    "slices_thick",
    Severity.LIMITING,
    {"mm": 7.5, "limit_mm": 5.0, "good_mm": 3.0, "series": ["4: {0} portal"]},
)
NO_ARTERIAL = Finding("missing_arterial", Severity.BLOCKING, {"wanted": "@want.arterial"})
NO_CHEST = Finding("missing_chest_ct", Severity.ADVICE, {"wanted": "@protocol.chest-ct"})


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("7.5 mm", "late arterial phase", "CT of the chest")),
        ("de", ("7,5 mm", "spätarterielle Phase", "CT des Thorax")),
        ("es", ("7,5 mm", "fase arterial tardía", "TC de tórax")),
        ("zh", ("7.5 mm", "动脉晚期", "胸部 CT")),
        ("hi", ("7.5 mm", "धमनी चरण", "छाती का CT")),
    ],
)
def test_the_letter_is_in_the_language_of_the_hospital(
    language: str, words: tuple[str, ...]
) -> None:
    text = text_of("M-2026-00007", [NO_CHEST, THICK, NO_ARTERIAL], language, DAY, "Bitte bald.")
    for word in (
        *words,
        "M-2026-00007",
        "4: {0} portal",
        "Bitte bald.",
        written_day(DAY, language),
    ):
        assert word in text
    letter = letter_of("M-2026-00007", [NO_CHEST, THICK, NO_ARTERIAL], language, DAY)
    assert (len(letter.must), len(letter.should)) == (2, 1)


def test_a_language_that_nobody_wrote_is_refused() -> None:
    with pytest.raises(LanguageNotKnown, match="xx"):
        said(THICK, "xx")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "protocol", [one for one in protocols().values() if one.sheet], ids=lambda one: one.id
)
def test_the_sheet_of_every_protocol_can_be_printed_in_every_language(
    protocol: Any, language: str
) -> None:
    html = sheet_html(protocol, language, on=DAY, case_number="M-2026-00007")
    assert f'lang="{language}"' in html
    assert words_of(language)["protocol"][protocol.id] in html
    printed = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    assert "_" not in printed
    assert not re.search(r"\bS\d{2,3}\b", printed), "a mark of ours that nobody there can look up"


def test_every_protocol_that_may_be_asked_for_has_a_sheet_with_something_to_set() -> None:
    for one in protocols().values():
        assert one.sheet is not None, one.id
        assert {"sequences", "kv", "coverage"} & one.sheet.keys(), one.id


def test_a_phase_whose_name_says_its_time_says_it_once() -> None:
    for language in LANGUAGES:
        html = sheet_html(protocols()["pancreas-ct"], language, on=DAY)
        assert len(re.findall(r"\b40\b.{1,6}\b50\b", html.split("<footer>")[0])) == 1, language


def test_a_chest_is_reconstructed_with_a_lung_kernel_too() -> None:
    assert "soft-tissue and lung kernel" in sheet_html(protocols()["chest-ct"], "en", on=DAY)
    assert "lung kernel" not in sheet_html(protocols()["liver-ct"], "en", on=DAY)


def test_a_single_thickness_is_no_range() -> None:
    html = sheet_html(protocols()["rectum-mri"], "en", on=DAY)
    assert "3 mm; at most 4 mm" in html
    assert "3 to 3" not in html


def test_in_hindi_the_space_before_a_number_is_printed() -> None:
    content = pdf_of_html(sheet_html(protocols()["liver-ct"], "hi", on=DAY))
    with closing(PdfDocument(content)) as document:
        text = document[0].get_textpage()
        at = text.get_text_range().index("15 से 20")
        end_of_word = max(text.get_charbox(at - back)[2] for back in (2, 3))
        gap_pt = text.get_charbox(at)[0] - end_of_word
    assert gap_pt > 1.5
