"""Mails in five languages: whole, plain, escaped, and without anybody's identity."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.app import create_app
from server.notices import letters
from server.notices.kinds import NoticeKind
from server.notices.letters import LANGUAGES, Happened, letter, subject_of, words_of
from server.notices.mail import message_of
from tests.notices.conftest import SettingsOf
from tests.world import World

NUMBER = "M-2026-00007"
ADDRESS = f"https://margin.example/cases/{NUMBER}"
FACTS: dict[str, str | int] = {"due_on": "2026-11-27", "count": 3, "stage": "in_review"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_everything_that_english_says(language: str) -> None:
    words, english = words_of(language), words_of("en")
    assert words.keys() == english.keys()
    assert words["facts"].keys() == english["facts"].keys()
    assert words["kinds"].keys() == {kind.value for kind in NoticeKind}
    for said in words["kinds"].values():
        assert said.keys() == {"subject", "text"}
        fields = {name for _, name, _, _ in string.Formatter().parse(said["subject"]) if name}
        assert fields <= {"case"} and "{" not in said["text"]


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_sentence_was_left_in_english(language: str) -> None:
    words, english = words_of(language)["kinds"], words_of("en")["kinds"]
    assert [kind for kind in words if words[kind]["text"] == english[kind]["text"]] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_a_mail_names_the_case_and_where_to_open_it(kind: NoticeKind, language: str) -> None:
    told = [Happened(kind, NUMBER, FACTS, ADDRESS)]
    one = letter(told, language, has_account=True, choose_at="https://margin.example/choose")
    assert NUMBER in one.subject or "{case}" not in words_of(language)["kinds"][kind]["subject"]
    for text in (one.text, one.html):
        assert ADDRESS in text and "https://margin.example/choose" in text
        assert "in_review" not in text and "{" not in re.sub(r"style=\"[^\"]*\"", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_has_no_account_is_sent_no_address_at_all(language: str) -> None:
    told = [Happened(NoticeKind.QUESTION_ASKED, NUMBER, {"number": 2})]
    one = letter(told, language, has_account=False, choose_at="https://margin.example/choose")
    assert "http" not in one.text and "href" not in one.html
    assert words_of(language)["open_link"] in one.text


def test_a_days_mail_tells_each_thing_under_its_own_line() -> None:
    told = [
        Happened(NoticeKind.CASE_OPENED, NUMBER, {}, ADDRESS),
        Happened(NoticeKind.IMAGES_ARRIVED, "M-2026-00008", {"count": 2}, ADDRESS),
    ]
    one = letter(told, "de", has_account=True, choose_at="")
    assert one.subject == "Margin: was seit gestern geschah"
    assert "Fall M-2026-00007: eröffnet" in one.text
    assert "Bilder: 2" in one.text and "Fall M-2026-00008: Bilder eingetroffen" in one.html


def test_dates_are_written_so_that_they_cannot_be_misread() -> None:
    told = [Happened(NoticeKind.DUE_SOON, NUMBER, {"due_on": "2026-03-04"})]
    written = {
        language: letter(told, language, has_account=False, choose_at="").text
        for language in LANGUAGES
    }
    assert "Due on: 4 March 2026" in written["en"]
    assert "Fällig am: 4. März 2026" in written["de"]
    assert "截止日期: 2026年3月4日" in written["zh"]


def test_what_stands_in_a_value_is_text_in_the_html() -> None:
    told = [Happened(NoticeKind.CASE_OPENED, "<script>alert(1)</script>", {}, "https://x/?a=1&b=2")]
    one = letter(told, "en", has_account=True, choose_at="")
    assert "<script>" not in one.html and "a=1&amp;b=2" in one.html


def test_a_language_that_is_not_known_is_english() -> None:
    assert subject_of(Happened(NoticeKind.OVERDUE, NUMBER, {}), "xx") == f"Case {NUMBER}: overdue"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_survives_the_way_over_the_wire(language: str) -> None:
    told = [Happened(NoticeKind.IMAGING_REQUESTED, NUMBER, {"number": 2})]
    one = letter(told, language, has_account=False, choose_at="")
    message = message_of(
        one,
        to="office@riverside.example",
        sender="Margin <margin@margin.example>",
        language=language,
        ids=["b", "a"],
        now=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    )
    wire = message.as_bytes()
    assert wire.isascii()
    again = message_of(
        one,
        to="office@riverside.example",
        sender="Margin <margin@margin.example>",
        language=language,
        ids=["a", "b"],
        now=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    )
    assert message["Message-ID"] == again["Message-ID"]
    assert message["Auto-Submitted"] == "auto-generated"


def english() -> str:
    return (Path(letters.__file__).parent / "languages" / "en.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("was", "becomes", "at"),
    [
        ('greeting = "Good day,"', 'greeting = "Good day,', "/"),
        ('greeting = "Good day,"', "", "/greeting"),
        ('[kinds."question.asked"]', '[kinds."question.askd"]', "/kinds/question.asked/subject"),
        ("Case {case}: a question", "Case {number}: a question", "/kinds/question.asked/subject"),
        ("{day} {name} {year}", "{day} {month_name} {year}", "/date"),
        ('"January", ', "", "/months"),
        ('due_on = "Due on"', "", "/facts"),
    ],
)
def test_a_broken_file_of_words_is_told_with_its_place_before_anybody_reads_it(
    was: str, becomes: str, at: str
) -> None:
    broken = english().replace(was, becomes)
    with pytest.raises(letters.WordsBroken) as told:
        letters.read_words(broken, "en")
    assert at in [one.pointer for one in told.value.problems]
    assert "languages/en.toml" in told.value.remedy


def test_the_application_does_not_start_with_a_broken_file_of_words(
    sqlite_world: World,
    settings_of: SettingsOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for language in LANGUAGES:
        whole = english() if language != "de" else english().partition("[kinds")[0]
        (tmp_path / f"{language}.toml").write_text(whole, encoding="utf-8")
    monkeypatch.setattr(letters, "_FOLDER", tmp_path)
    words_of.cache_clear()
    try:
        with pytest.raises(letters.WordsBroken, match="“de”"):
            create_app(settings_of(sqlite_world.db))
    finally:
        words_of.cache_clear()
