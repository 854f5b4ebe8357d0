"""Labels that come in parts, by number, or as a span, in the language of the reader."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.opinions.document import Evaluation, FiredRule, Language, Verdict
from server.opinions.page import render_html
from server.opinions.words import words_of
from tests.opinions import samples

ZH = words_of("zh")
CONDITIONAL = replace(
    samples.PANCREAS,
    verdict=Verdict("resectable_with_conditions", "Resectable with conditions"),
    conditions=(),
)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Stage IIIA", "IIIA 期"),
        ("Class B (Child-Pugh)", "B 级 (Child-Pugh)"),
        ("Lesion 2: Longest diameter", "病灶 2：最大径"),
        ("Lung; Bone", "肺; 骨"),
        ("Stage by the local team", "Stage by the local team"),
        ("A surgeon's words; and more", "A surgeon's words; and more"),
    ],
)
def test_a_label_in_parts_or_with_a_mark_is_translated(label: str, said: str) -> None:
    assert ZH.term(label) == said
    assert words_of("en").term(label) == label


@pytest.mark.parametrize(
    ("interval", "ends"),
    [
        ("Grade 1 (ALBI) to grade 3 (ALBI)", ("1 级 (ALBI)", "3 级 (ALBI)")),
        # An end may hold the word that stands between both.
        (
            "Up to trisectionectomy or bisectionectomy to no hepatectomy",
            ("至多三区或两区切除", "不宜肝切除"),
        ),
        ("Nothing known to something else", ("Nothing known", "Something else")),
        ("One category", None),
    ],
)
def test_a_span_is_parted_where_both_ends_are_known(
    interval: str, ends: tuple[str, str] | None
) -> None:
    assert ZH.span(interval) == ends


@pytest.mark.parametrize(("language", "words"), [("en", "ask the reviewer"), ("zh", "询问")])
def test_conditions_that_nobody_wrote_are_asked_for(language: Language, words: str) -> None:
    bare = replace(CONDITIONAL, language=language)
    written = replace(bare, conditions=("No progression",))
    sentence = words_of(language)["no_conditions"]
    assert words in sentence
    assert sentence in render_html(bare)
    assert sentence not in render_html(written)


def test_what_a_set_needs_is_named_as_centres_name_it_and_long_rules_go_on_in_the_next_line() -> (
    None
):
    fired = FiredRule("AUG-ADEQUATE_AFTER", "30 %", "Table 1", "sourced")
    one = Evaluation(
        "set",
        "A set",
        "1",
        "adequate",
        "Adequate",
        fired=(fired,),
        capabilities=("ivc reconstruction",),
    )
    page = render_html(replace(samples.PANCREAS, evaluations=(one,)))
    assert "Inferior vena cava reconstruction" in page
    assert "AUG-<wbr>ADEQUATE_<wbr>AFTER" in page
