"""The figures as tables: counted out of what they say, claims beside their source, empty and huge."""

from __future__ import annotations

from collections import Counter

import pytest

from server.cases.clocks.stages import promised
from server.cases.clocks.tiers import default_tier, stage_targets, tier_named
from server.dossier.checklist import checklists
from server.figures import tables
from server.figures.blocks import DURATIONS, Wanted, joined
from server.figures.claims import conversion_claim, finding_claim, verdict_change_claim
from server.figures.filters import Filters, read_filters
from server.figures.queries import Counts, counts
from server.figures.shapes import ShareRow, ShareTable
from server.figures.shares import spread
from server.figures.volumes_compared import agreement
from server.opinions.standing import CATEGORIES
from server.outcomes.value_sets import FINDINGS
from server.web import charts

NOTHING = counts(joined([], Wanted()))
SHARES = (
    tables.reversals,
    tables.changes,
    tables.inconclusive,
    tables.findings,
    tables.outcomes,
    tables.conversions,
)


def found(**more: object) -> Counts:
    return Counts(**{**vars(NOTHING), **more})


def row(table: ShareTable, key: str) -> ShareRow:
    return next(one for one in table.rows if one.key == key)


def test_a_reversal_is_counted_out_of_the_comparable_unresectable_only() -> None:
    compared = {
        ("pancreas", "unresectable", "changed"): 4,
        ("pancreas", "unresectable", "partly"): 3,
        ("pancreas", "unresectable", "confirmed"): 9,
        ("pancreas", "unresectable", "not_comparable"): 2,
        ("pancreas", "resectable", "changed"): 50,
        ("pancreas", "not_stated", "not_comparable"): 60,
        ("lung", "unresectable", "changed"): 1,
    }
    made = found(opinions=129, by_cancer={"pancreas": 128, "lung": 1}, compared=compared)
    pancreas, all_ = (row(tables.reversals(made), key) for key in ("pancreas", "all"))
    assert (pancreas.share.count, pancreas.share.of) == (4, 16)
    assert pancreas.more == (3, 9, 2)
    assert (all_.share.count, all_.share.of) == (5, 17)
    changed = row(tables.changes(made), "pancreas")
    assert (changed.share.count, changed.share.of) == (57, 66)
    assert changed.more == (54, 3, 9, 62)


def test_shares_of_outcomes_leave_out_what_is_not_known() -> None:
    made = found(
        opinions=100,
        kept_promise=60,
        broken_promise=20,
        course={"": 40, "operated": 30, "not_operated": 20, "pending": 10},
        margin={"R0": 15, "R1": 4, "R2": 1, "not_known": 6, "": 4},
    )
    table = tables.outcomes(made)
    said = {one.key: (one.share.count, one.share.of) for one in table.rows}
    assert said == {
        "in_time": (60, 80),
        "outcome_known": (50, 100),
        "operated": (30, 50),
        "r0": (15, 20),
    }


def test_conversion_is_counted_out_of_those_in_whom_it_was_tried() -> None:
    converted = {("pancreas", "yes"): 3, ("pancreas", "no"): 9, ("pancreas", "not_tried"): 30}
    made = found(converted={**converted, ("lung", ""): 8})
    table = tables.conversions(made)
    assert [one.key for one in table.rows] == ["pancreas", "all"]
    assert (row(table, "all").share.count, row(table, "all").share.of) == (3, 12)


@pytest.mark.parametrize("make", SHARES)
def test_of_an_empty_service_every_table_is_empty_and_can_be_written(make: object) -> None:
    table = make(NOTHING)  # type: ignore[operator]
    assert table.empty
    assert all(len(line) == len(table.header) for line in table.lines)


def test_a_share_of_few_is_not_written_either() -> None:
    table = tables.inconclusive(
        found(opinions=39, by_cancer={"lung": 9, "pancreas": 30}, inconclusive={"lung": 3})
    )
    lines = {line[0]: line for line in table.lines}
    assert lines["lung"][2:] == [3, 9, None, None, None]
    assert lines["pancreas"][2:5] == [0, 30, 0.0]


def test_every_claim_names_its_place_and_is_no_more_than_a_claim() -> None:
    for key in (*checklists(), "all"):
        for claim in (verdict_change_claim(key), conversion_claim(key)):
            assert claim is None or (0 < claim.low_percent < claim.high_percent < 100)
            assert claim is None or "line" in claim.source
    table = tables.findings(found(findings=Counter({"trial": 2}), findings_stated=40))
    assert [one.claim is not None for one in table.rows] == [True] * len(FINDINGS)
    line = next(one for one in table.lines if one[0] == "trial")
    assert line[-3:] == [
        10,
        20,
        "claim of the source document, without reference: source text 001, lines 24-31",
    ]
    hcc = verdict_change_claim("liver-hcc")
    assert hcc is not None
    assert (hcc.low_percent, hcc.high_percent, hcc.source) == (
        25,
        35,
        "source text 000, lines 23-30",
    )
    assert verdict_change_claim("gastric") is None
    assert finding_claim("nothing of the kind") is None


def test_the_kinds_of_finding_are_those_that_an_opinion_names() -> None:
    assert set(FINDINGS) == set(CATEGORIES)


def test_turnaround_stands_against_what_is_promised() -> None:
    tier = tier_named(default_tier())
    took = {name: spread([(24, 3)]) for name in DURATIONS}
    table = tables.turnaround(took, promised(tier, stage_targets()), tier)
    assert [one.key for one in table.rows] == list(DURATIONS)
    assert table.rows[-1].promised_days == tier.target_days
    under_clock = [one for one in table.rows if one.key in ("routing", "review")]
    assert sum(one.promised_days or 0 for one in under_clock) == tier.target_days
    assert all(len(line) == len(table.header) for line in table.lines)


@pytest.mark.parametrize(
    ("cases", "words", "written"),
    [
        (9, "too few for a median", [None, None, None]),
        (10, "1.0 days (1.0 to 1.0)", [1.0, 1.0, 1.0]),
    ],
)
def test_few_durations_have_no_median_on_the_page_nor_in_the_file(
    cases: int, words: str, written: list[float | None]
) -> None:
    tier = tier_named(default_tier())
    took = {name: spread([(24, cases)]) for name in DURATIONS}
    table = tables.turnaround(took, promised(tier, stage_targets()), tier)
    for row, line in zip(table.rows, table.lines, strict=True):
        assert row.spread.words == words
        assert (line[2], line[3:6]) == (cases, written)


@pytest.mark.parametrize("n", [1, 9, 10, 1_000_000])
def test_pictures_of_tiny_and_huge_numbers_stay_inside_their_frame(n: int) -> None:
    made = tables.inconclusive(found(opinions=n, by_cancer={"lung": n}, inconclusive={"lung": n}))
    bars = [
        charts.Bar(one.label, one.share.counts, one.share.percent, 0.0, 100.0, band=(20, 40))
        for one in made.rows
    ]
    picture = charts.intervals("x", "<b>", bars)
    assert "&lt;b&gt;" in picture
    assert "nan" not in picture
    assert "style=" not in picture
    boxes = charts.boxes("y", "t", [charts.Box("a", "b", 0.0), charts.Box("c", "d", None, mark=3)])
    assert "nan" not in boxes
    pairs = [(500.0, 480.0)] * min(n, 50)
    agrees = agreement(pairs)
    assert "circle" in charts.scatter("z", "t", pairs, agrees.bias_ml, agrees.limits_ml)
    assert charts.scatter("z", "t", [], None, None).endswith("</svg>")


def test_filters_are_read_from_an_address_and_said_again_for_one() -> None:
    query = {"cancer": " lung ", "since": "2026-01-01", "until": "2026-02-01", "page": "3"}
    filters, problems = read_filters(query, None)
    assert problems == []
    assert filters.chosen == {"cancer": "lung", "since": "2026-01-01", "until": "2026-02-01"}
    assert Filters().chosen == {}


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"until": "2026-13-01"},
        {"since": "2026-02-02", "until": "2026-02-01"},
    ],
)
def test_a_period_that_cannot_be_is_said_and_never_fails(query: dict[str, str]) -> None:
    _, problems = read_filters(query, None)
    assert len(problems) == 1
