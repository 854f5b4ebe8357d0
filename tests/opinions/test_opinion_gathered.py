"""What is put together on the printed page: nothing is lost by it, and nothing unknown reads as clear."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from server.annotations.organs import ORGANS
from server.opinions.document import Evaluation, Opinion, Remark, Row, Section, VesselContact
from server.opinions.gathered import (
    COMPARED_TITLE,
    MOST_LINES,
    computed_shortly,
    gathered_rows,
    sets_that_are_silent,
    vessels_apart,
    vessels_clear,
)
from server.opinions.page import render_html
from server.opinions.stored import evaluation_of
from server.opinions.words import words_of
from tests.opinions import samples
from tests.opinions.assessments import assessment

CLEAR = tuple(VesselContact(f"Vessel {n}", "measured", 0) for n in range(4))
TOUCHED = VesselContact("Touched", "measured", 90)
UNKNOWN = VesselContact("Unknown", "not_assessed")
HAZE = VesselContact("Hazy", "measured", 0, kind="haze_only")
THROMBUS = VesselContact("Thrombosed", "measured", 0, thrombus="bland")


def nodes(*values: str) -> Section:
    return Section("Nodes", tuple(Row(f"Stations: {n}", one) for n, one in enumerate(values)))


def plain(html: str) -> str:
    return " ".join(
        re.sub(r"<[^>]*>", " ", unescape(html.split("<main>")[1])).replace(" :", ":").split()
    )


def test_findings_of_one_value_stand_in_one_row_and_the_exception_comes_first() -> None:
    section = nodes("clear", "clear", "not assessed", "clear", "clear", "clear")
    found = gathered_rows(section)
    assert found == (Row("Stations: not assessed", "2"), Row("Stations: clear", "0; 1; 3; 4; 5"))


def test_few_rows_rows_of_many_values_and_rows_with_a_note_stay_as_they_are() -> None:
    few = nodes("clear", "clear", "clear")
    many = nodes("1 mm", "2 mm", "3 mm", "4 mm")
    noted = Section("Nodes", tuple(Row(f"Stations: {n}", "clear", "a note") for n in range(6)))
    for section in (few, many, noted):
        assert gathered_rows(section) == section.rows


def test_only_vessels_assessed_without_contact_and_without_a_word_stand_together() -> None:
    opinion = replace(samples.PANCREAS, vessels=(*CLEAR, TOUCHED, UNKNOWN, HAZE, THROMBUS))
    assert vessels_clear(opinion) == CLEAR
    assert vessels_apart(opinion) == (TOUCHED, UNKNOWN, HAZE, THROMBUS)
    printed = plain(render_html(opinion))
    assert "No contact, and nothing else recorded Vessel 0; Vessel 1; Vessel 2; Vessel 3" in printed
    assert "Unknown not assessed" in printed
    assert vessels_clear(replace(opinion, vessels=CLEAR[:2])) == ()


@pytest.mark.parametrize("organ", list(ORGANS))
def test_every_vessel_and_every_criteria_set_of_every_example_is_printed(organ: str) -> None:
    for answers in ORGANS[organ].examples().values():
        opinion: Opinion = assessment(organ, answers).opinion
        computed = ORGANS[organ].evaluate(answers)
        sets = tuple(evaluation_of(one.to_json()) for one in computed)
        printed = plain(render_html(replace(opinion, evaluations=sets)))
        names = [vessel.name for vessel in opinion.vessels] + [one.title for one in sets]
        lost = [name for name in names if name not in printed]
        assert lost == []


def test_a_set_for_another_tumour_is_named_with_its_reason_and_not_on_the_first_page() -> None:
    silent = Evaluation("milan", "Milan criteria", "1", None, "", flags=(Remark("x", "For HCC."),))
    opinion = replace(samples.PANCREAS, evaluations=(*samples.PANCREAS.evaluations, silent))
    assert sets_that_are_silent(opinion) == (silent,)
    printed = plain(render_html(opinion))
    assert "Sets that are for another tumour or situation Milan criteria: For HCC." in printed
    assert "Milan" not in printed.split("Published criteria")[0]


def test_the_first_page_names_what_it_has_no_room_for_and_judgements_come_before_scores() -> None:
    scores = [Evaluation(f"s{n}", f"Score {n}", "1", f"{n}", f"{n} points") for n in range(12)]
    judged = Evaluation("last", "Resectability", "1", "borderline", "Borderline")
    shortly = computed_shortly(replace(samples.PANCREAS, evaluations=(*scores, judged)))
    assert len(shortly.lines) == MOST_LINES
    assert shortly.lines[-1] == ("Borderline", "Resectability")
    assert shortly.further == "Score 7, Score 8, Score 9, Score 10, Score 11"


def test_many_sets_without_a_decision_are_named_together_and_few_with_their_intervals() -> None:
    open_sets = [
        Evaluation(f"o{n}", f"Open {n}", "1", None, "", interval_label="Grade 1 to grade 3")
        for n in range(4)
    ]
    many = computed_shortly(replace(samples.PANCREAS, evaluations=tuple(open_sets)))
    assert (many.lines, many.undecided) == ((), "Open 0, Open 1, Open 2, Open 3")
    few = computed_shortly(replace(samples.PANCREAS, evaluations=tuple(open_sets[:1])))
    assert few.lines == (("Not decided: Grade 1 to grade 3", "Open 0"),)


def test_a_category_that_rests_on_no_source_says_so_on_its_tile_and_on_the_first_page() -> None:
    printed = plain(render_html(samples.PANCREAS))
    first, tiles = printed.split("Published criteria")[:2]
    assert "Locally advanced JPS 7th edition (not verified)" in first
    assert "JPS 7th edition Locally advanced not verified" in tiles
    assert "Borderline resectable (BR-AB) IAP 2017 " in first
    assert "Borderline resectable (BR-AB) JPS 7th edition" in tiles


def test_a_signed_opinion_without_an_answer_does_not_say_that_one_will_come() -> None:
    signed = plain(render_html(replace(samples.PANCREAS, answer="")))
    assert "No answer in words was written: the verdict" in signed
    assert "yet" not in signed.split("Verdict of the reviewing surgeon")[0]
    assert "No answer has been written yet." in plain(
        render_html(replace(samples.DRAFT, answer=""))
    )


def test_a_label_in_parts_is_translated_part_by_part() -> None:
    words = words_of("zh")
    assert words.term("Superior mesenteric artery: Contact") == "肠系膜上动脉：接触"
    assert words.term("A surgeon's own words: as written") == "A surgeon's own words: as written"


def test_what_moved_since_the_round_before_comes_ahead_of_the_findings() -> None:
    moved = Section(
        COMPARED_TITLE, (Row("Superior mesenteric artery: Contact", "80°", "before: 200°"),)
    )
    opinion = replace(samples.PANCREAS, sections=(*samples.PANCREAS.sections, moved))
    printed = plain(render_html(opinion))
    places = [printed.index(one) for one in (COMPARED_TITLE, "Contact with vessels", "Images this")]
    assert places == sorted(places)
    assert printed.count(COMPARED_TITLE) == 1
    chinese = plain(render_html(replace(opinion, language="zh")))
    assert "与上一时间点的比较 肠系膜上动脉：接触 80° 之前：200°" in chinese
