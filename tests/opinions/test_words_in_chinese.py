"""Labels that come in parts, by number, or as a span, in the language of the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from server.annotations.organs import ORGANS
from server.opinions.document import Evaluation, FiredRule, Language, Verdict
from server.opinions.page import render_html
from server.opinions.words import words_of
from server.panel.deciding import rules
from tests.opinions import samples
from tests.opinions.test_opinion_typeset import PANEL

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
        ("Lung; Bone", "肺；骨"),
        ("Target 2: Where", "靶病灶 2：部位"),
        ("seen on series 4 PV, image 34 (angle 118°)", "见于序列 4 PV，第 34 幅图像 (angle 118°)"),
        ("8 points (MELD)", "8 分 (MELD)"),
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


# Names of tests, stages and numbers are the same in both languages.
SAME_IN_CHINESE = re.compile(
    r"[0-9.]+|[IVX]+|c?T\d?[a-d]?|M0|S\d|[A-Z][A-Z0-9.-]+( \d+-\d+)?|.* \(CPS\)|SUVmax"
)


def labels(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        hints = node.get("x-margin")
        if isinstance(hints, dict):
            yield from (one for one in (hints.get("label"),) if isinstance(one, str))
            yield from (hints.get("choices") or {}).values()
            yield from (section["title"] for section in hints.get("sections", ()))
        for one in node.values():
            yield from labels(one)


@pytest.mark.parametrize("organ", list(ORGANS))
def test_every_label_and_choice_of_a_form_is_said_in_chinese(organ: str) -> None:
    asked = set(labels(ORGANS[organ].schema))
    english = {one for one in asked if ZH.term(one) == one and not SAME_IN_CHINESE.fullmatch(one)}
    assert len(asked) > 100
    assert not english


def test_a_chinese_opinion_says_that_its_criteria_are_quoted_and_its_panel_in_chinese() -> None:
    panel = replace(PANEL, rule=rules()["majority-3-then-5"].sentence)
    page = render_html(replace(samples.PANCREAS, language="zh", panel=panel))
    assert "按其所依据文献的语言（英文）引用，未作翻译" in page
    assert "Three surgeons vote" not in page
    assert all(ZH.term(rule.sentence) != rule.sentence for rule in rules().values())


def test_a_set_of_few_rules_and_a_short_section_are_not_parted_by_a_page() -> None:
    page = render_html(samples.PANCREAS)
    assert page.count('<tbody class="whole">') == len(samples.PANCREAS.evaluations)
    assert '<table class="rows whole">' in page
