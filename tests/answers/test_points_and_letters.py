"""Local reasons become points; letters say what they must in every language. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.answers import points
from server.answers.addendum import Addendum, Asked, addendum_html, letter_html
from server.answers.letters import KINDS, LANGUAGES, About, Difference, begun, language_names

ABOUT = About(
    case_number="M-2026-00007",
    opinion_number="M-2026-00007-O1",
    opinion_date="2026-11-20",
    surgeon="Dr Lena Lindqvist",
    centre="Northern Liver Centre",
    writer="Clara Costa",
)
SIGNED = Addendum(
    number="M-2026-00007-O1-A1",
    case_number="M-2026-00007",
    opinion_number="M-2026-00007-O1",
    opinion_signed_at="2026-11-20T09:30:00Z",
    opinion_sha256="a" * 64,
    text="The vein is patent <b>over</b> its whole length.",
    asked=(
        Asked("Remnant too small.", "31 %.", "Which scan?", "Riverside", "2026-11-21T08:00:00Z"),
    ),
    signed_by="Dr Lena Lindqvist",
    centre="Northern Liver Centre",
    signed_at="2026-11-22T10:00:00Z",
)


@pytest.mark.parametrize(
    ("written", "split"),
    [
        ("", []),
        ("Remnant too small.", ["Remnant too small."]),
        (
            "Contact with the SMV; the remnant is small. Patient is frail",
            ["Contact with the SMV", "the remnant is small.", "Patient is frail"],
        ),
        ("- one thing\n- another\n\n3) a third", ["one thing", "another", "a third"]),
        ("Encasement of approx. 180 degrees.", ["Encasement of approx. 180 degrees."]),
        ("Seen by Dr. Weber. Not resectable.", ["Seen by Dr. Weber.", "Not resectable."]),
        ("切除后残肝不足。门静脉受侵。", ["切除后残肝不足。", "门静脉受侵。"]),
        ("FLR 1.5 of 4.2. Too small.", ["FLR 1.5 of 4.2.", "Too small."]),
    ],
)
def test_what_the_local_team_wrote_is_split_into_its_statements(
    written: str, split: list[str]
) -> None:
    assert points.suggested(written) == split


@given(st.text(alphabet="abcXYZ .;\n-*1)é。", max_size=3000))
def test_splitting_loses_no_word_and_never_gives_too_many_points(written: str) -> None:
    found = points.suggested(written)
    assert len(found) <= points.MOST_POINTS
    assert all(one.strip() for one in found)
    kept = "".join(re.findall(r"[a-zA-Zé]", "".join(found)))
    assert kept == "".join(re.findall(r"[a-zA-Zé]", written))


def test_the_tally_counts_each_point_once() -> None:
    counted = points.tally(["agree", "differ", "differ", "", "agree", "not_assessed"])
    assert counted == {"agree": 2, "differ": 2, "not_assessed": 1, "": 1}


# Requirements 40 (the decision is the patient's), 41 and 61 (a qualified surgeon, no guarantee).
MUST_SAY = {
    "en": ("decision", "guarantees no outcome", "qualified surgeon", "promise me a result"),
    "de": ("Entscheidung", "sichert kein Ergebnis zu", "qualifizierte", "Ergebnis versprechen"),
    "es": ("decisión", "ni garantiza ningún resultado", "cirujano cualificado", "prometerme"),
    "zh": ("决定", "不对任何结果作出保证", "有资质的外科医生", "保证结果"),
    "hi": ("निर्णय", "गारंटी नहीं", "योग्य सर्जन", "वचन नहीं"),
}
NO_BLAME = (
    "wrong",
    "mistake",
    "error",
    "Fehler",
    "falsch",
    "incorrect",
    "equivoc",
    "错误",
    "ग़लत",
    "गलत",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_says_what_it_must_and_blames_nobody(language: str) -> None:
    decision, guarantee, surgeon, promise = MUST_SAY[language]
    local, patient = (begun(kind, language, ABOUT).text for kind in KINDS)
    assert decision in local
    assert decision in patient
    assert guarantee in local.replace("也不", "不")
    assert surgeon in local
    assert promise in patient
    for text in (local, patient):
        assert not [word for word in NO_BLAME if word in text]
        assert ABOUT.opinion_number in text
        assert "Lena Lindqvist" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_names_the_points_that_differ_and_leaves_no_gap(kind: str, language: str) -> None:
    without = begun(kind, language, replace(ABOUT, centre=""))
    assert not re.search(r"\{|\}|\n\n\n|\(\)|（）", without.text)
    differing = replace(ABOUT, differences=(Difference("Remnant {small}", "31 % <measured>"),))
    text = begun(kind, language, differing).text
    assert "1. Remnant {small}\n    31 % <measured>" in text
    assert len(text) > len(without.text)


def test_every_language_is_called_by_its_own_name() -> None:
    assert language_names() == {
        "en": "English",
        "zh": "中文",
        "hi": "हिन्दी",
        "es": "Español",
        "de": "Deutsch",
    }


def test_an_addendum_is_the_same_after_it_was_kept_and_its_hash_covers_every_word() -> None:
    assert Addendum.from_json(SIGNED.to_json()) == SIGNED
    hashes = {SIGNED.sha256}
    for change in (
        {"text": "Otherwise."},
        {"signed_by": "Somebody"},
        {"asked": ()},
        {"number": "M-2026-00007-O1-A2"},
        {"opinion_sha256": "b" * 64},
    ):
        hashes.add(replace(SIGNED, **change).sha256)
    assert len(hashes) == 6


def test_an_addendum_and_a_letter_escape_what_people_typed() -> None:
    page = addendum_html(SIGNED)
    assert "&lt;b&gt;over&lt;/b&gt;" in page
    assert SIGNED.sha256 in page
    assert "Asked back:" in page
    letter = letter_html("Letter", "One <i>thing</i>.\r\n\r\nAnother.", "de")
    assert letter.count("<p>") == 2
    assert "&lt;i&gt;" in letter
