"""Who suits a case, in sentences: what fits, what lacks, and who cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from server.routing.ranking import Ranked, rank, rank_centres
from server.routing.values import (
    Against,
    Away,
    Call,
    Candidate,
    CaseNeeds,
    CentreFacts,
    Tie,
    Volume,
)
from tests.routing.surgeons import DUE, NEEDS, SURGEON, TODAY, needs, surgeon


def ranked(one: Candidate = SURGEON, asked: CaseNeeds = NEEDS) -> Ranked:
    return rank(asked, [one])[0]


def said(found: Ranked, kind: str) -> list[str]:
    return [reason.text for reason in getattr(found.reasons, kind)]


def test_a_surgeon_who_suits_says_so_in_sentences() -> None:
    assert said(ranked(), "fits") == [
        "Operates on the organ in question: pancreas.",
        "Hepatopancreatobiliary surgery.",
        "Portal or mesenteric venous reconstruction (called for by NCCN 2022).",
        "Offers what often decides in pancreatic cancer (claim): intra-operative radiotherapy (IORT).",
        "Pancreatoduodenectomy: 94 in 2025 (department register).",
        "Works at: dedicated pancreatic centre.",
        "Speaks English.",
        "Takes cases from the United Kingdom.",
        "1 case now; takes 4 at a time.",
        "Took 4.2 days on average over 12 cases.",
        "No absence until it is due on 2026-11-27.",
    ]
    assert said(ranked(), "lacks") == said(ranked(), "warnings") == []


def test_a_surgeon_of_whom_nothing_is_known_can_still_be_chosen_and_says_what_is_missing() -> None:
    found = ranked(Candidate("p", "Dr New", known=False))
    assert found.place == 1
    assert said(found, "warnings") == [
        "No profile yet: nothing of what they do is known.",
        "No finished case yet: the time they take is not known.",
    ]
    assert said(found, "lacks") == [
        "Does not list the organ: pancreas.",
        "Portal or mesenteric venous reconstruction: not offered (called for by NCCN 2022).",
        "Does not name, though it often decides in pancreatic cancer (claim):"
        " intra-operative radiotherapy (IORT).",
        "No yearly volume is known for pancreas.",
        "Does not speak English.",
    ]


def test_the_points_are_the_sum_of_the_reasons() -> None:
    found = ranked()
    every = (*found.reasons.fits, *found.reasons.lacks, *found.reasons.warnings)
    assert found.score == round(sum(one.points for one in every), 1)


EXCLUDING: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "first verdict": (
        {"centre_name": "St. Mary’s  HOSPITAL"},
        {},
        "Works at St. Mary’s  HOSPITAL, which gave the first verdict.",
    ),
    "the hospital itself": (
        {"centre_name": "Riverside General Hospital"},
        {},
        "Works at Riverside General Hospital, the hospital that asks.",
    ),
    "part of the hospital": (
        {"ties": (Tie("riverside", "Riverside General Hospital"),)},
        {},
        "Not independent: Pancreas Institute belongs to Riverside General Hospital, the hospital"
        " that asks.",
    ),
    "affiliated with the first verdict": (
        {"ties": (Tie("mary", "St Mary's Hospital", "affiliated"),)},
        {},
        "Not independent: Pancreas Institute is affiliated with St Mary's Hospital, which gave the"
        " first verdict.",
    ),
    "conflict with the hospital": (
        {
            "conflicts": (
                Against("worked there", hospital_id="riverside", name="Riverside General Hospital"),
            )
        },
        {},
        "Conflict of interest with Riverside General Hospital: worked there.",
    ),
    "conflict with the first centre": (
        {"conflicts": (Against("runs it.", centre_name="St Marys Hospital", name="St Mary's"),)},
        {"first_centre": "St Marys Hospital"},
        "Conflict of interest with St Mary's: runs it.",
    ),
    "conflict with somebody on the case": (
        {"conflicts": (Against("spouse", person_id="p9", name="Dr Nine"),)},
        {"on_case": frozenset({"p9"})},
        "Conflict of interest with Dr Nine: spouse.",
    ),
    "away on the due day": (
        {"absences": (Away(DUE, DUE + timedelta(days=9), "leave"),)},
        {},
        "Away from 2026-11-27 to 2026-12-06 (leave), when it is due.",
    ),
    "away nearly until then": (
        {"absences": (Away(TODAY, DUE - timedelta(days=1)),)},
        {},
        "Present on 1 of the 8 days until it is due.",
    ),
    "full": ({"load": 4}, {}, "Has 4 of at most 4 cases at a time."),
    "takes nothing": ({"accepting": False}, {}, "Takes no cases at present."),
    "another tier": (
        {"tiers": frozenset({"video"})},
        {},
        "Does not take cases of this tier: report only.",
    ),
    "asked already": (
        {},
        {"asked": {"p1": "Declined on 2026-11-18: on leave."}},
        "Declined on 2026-11-18: on leave.",
    ),
    "no access": ({"active": False}, {}, "Has no access any more."),
}


@pytest.mark.parametrize(("one", "case", "why"), EXCLUDING.values(), ids=EXCLUDING.keys())
def test_who_cannot_be_asked_is_excluded_with_the_reason(
    one: dict[str, Any], case: dict[str, Any], why: str
) -> None:
    found = ranked(surgeon(**one), needs(**case))
    assert found.place is None
    assert why in said(found, "excluded")


INDEPENDENT: dict[str, dict[str, Any]] = {
    "a conflict with another hospital": {
        "conflicts": (Against("worked there", hospital_id="hillcrest", name="Hillcrest"),)
    },
    "a conflict with somebody not on the case": {
        "conflicts": (Against("spouse", person_id="p9", name="Dr Nine"),)
    },
    "part of another hospital": {"ties": (Tie("hillcrest", "Hillcrest"),)},
    "an absence after it is due": {
        "absences": (Away(DUE + timedelta(days=1), DUE + timedelta(days=9)),)
    },
    "an absence that is over": {"absences": (Away(date(2026, 1, 1), date(2026, 1, 9)),)},
    "one free place": {"load": 3},
    "this tier": {"tiers": frozenset({"report", "video"})},
}


@pytest.mark.parametrize("changes", INDEPENDENT.values(), ids=INDEPENDENT.keys())
def test_what_does_not_concern_this_case_excludes_nobody(changes: dict[str, Any]) -> None:
    assert ranked(surgeon(**changes)).place == 1


def test_without_a_first_centre_no_centre_is_taken_for_it() -> None:
    assert ranked(surgeon(centre_name=""), needs(first_centre="", hospital_name="")).place == 1


def test_a_name_much_like_the_first_centres_is_a_warning_for_a_person() -> None:
    found = ranked(surgeon(centre_name="St Mary's Hospital Trust"))
    assert found.place == 1
    assert "may be the same as “St Mary's Hospital”" in said(found, "warnings")[0]


def test_one_word_in_common_is_no_likeness() -> None:
    assert said(ranked(surgeon(centre_name="Hospital")), "warnings") == []


def test_a_short_absence_before_it_is_due_costs_presence_and_is_told() -> None:
    away = surgeon(
        absences=(Away(TODAY + timedelta(days=2), TODAY + timedelta(days=4), "congress"),)
    )
    found = ranked(away)
    assert found.score < ranked().score
    assert said(found, "warnings") == [
        "Away from 2026-11-22 to 2026-11-24 (congress), before it is due."
    ]


def test_a_holiday_where_they_work_is_told_before_it_is_due() -> None:
    case = needs(holidays={"DE": ((date(2026, 11, 25), "Buß- und Bettag"),)})
    assert said(ranked(surgeon(calendar="GB"), case), "warnings") == []
    assert said(ranked(surgeon(calendar="DE"), case), "warnings") == [
        "Holiday in Germany on 2026-11-25: Buß- und Bettag."
    ]


def test_absences_that_overlap_are_counted_once() -> None:
    twice = surgeon(
        absences=(
            Away(TODAY, TODAY + timedelta(days=3)),
            Away(TODAY + timedelta(days=2), TODAY + timedelta(days=4)),
        )
    )
    once = surgeon(absences=(Away(TODAY, TODAY + timedelta(days=4)),))
    assert ranked(twice).score == ranked(once).score


def test_a_case_that_is_overdue_can_still_be_given_to_somebody_who_is_there_today() -> None:
    late = needs(due_on=TODAY - timedelta(days=3))
    assert ranked(SURGEON, late).place == 1
    assert ranked(surgeon(absences=(Away(TODAY, TODAY),)), late).place is None


def test_what_only_the_centre_offers_counts_less_than_ones_own_and_more_than_nothing() -> None:
    own = ranked()
    there = ranked(
        surgeon(
            capabilities=frozenset({"iort"}),
            centre_capabilities=frozenset({"venous_reconstruction"}),
        )
    )
    nowhere = ranked(surgeon(capabilities=frozenset({"iort"})))
    assert own.score > there.score > nowhere.score
    assert any("at the centre, not by this surgeon" in text for text in said(there, "fits"))


def test_who_can_do_more_can_do_what_it_includes() -> None:
    case = needs(organ="liver", cancer="", calls=(Call("portal_vein_embolisation", "a reviewer"),))
    deprives = surgeon(capabilities=frozenset({"liver_venous_deprivation"}))
    assert any(
        "(called for by a reviewer)" in text for text in said(ranked(deprives, case), "fits")
    )


def test_everybody_who_calls_for_something_is_named_and_a_long_list_is_cut() -> None:
    sets = tuple(Call("venous_reconstruction", f"Set {number}") for number in range(5))
    found = ranked(SURGEON, needs(calls=sets))
    assert "(called for by Set 0, Set 1, Set 2 and 2 more)" in said(found, "fits")[2]


@pytest.mark.parametrize(
    ("volumes", "text"),
    [
        ((Volume("hepatectomy", 2025, 400),), "No yearly volume is known for pancreas."),
        ((), "No yearly volume is known for pancreas."),
    ],
)
def test_a_volume_of_another_operation_says_nothing(volumes: tuple[Volume, ...], text: str) -> None:
    assert text in said(ranked(surgeon(volumes=volumes)), "lacks")


def test_the_newest_year_counts_and_an_old_one_is_asked_about() -> None:
    falling = surgeon(
        volumes=(
            Volume("pancreatoduodenectomy", 2021, 200, "register"),
            Volume("pancreatoduodenectomy", 2022, 20, "register"),
        )
    )
    found = ranked(falling)
    assert "Pancreatoduodenectomy: 20 in 2022 (register)." in said(found, "fits")
    assert "The newest volume is of 2022: ask again." in said(found, "warnings")


def test_experience_with_the_operation_that_was_asked_for_counts() -> None:
    both = surgeon(
        volumes=(
            Volume("pancreatoduodenectomy", 2025, 94),
            Volume("distal_pancreatectomy", 2025, 9),
        )
    )
    found = ranked(both, needs(operations=("distal_pancreatectomy",)))
    assert "Distal pancreatectomy: 9 in 2025 (source not given)." in said(found, "fits")


def test_more_experience_never_counts_for_less_and_counts_in_full_at_the_scales_end() -> None:
    def points(count: int) -> float:
        return ranked(surgeon(volumes=(Volume("pancreatoduodenectomy", 2025, count),))).score

    counts = [0, 1, 5, 20, 60, 100, 1000]
    assert [points(count) for count in counts] == sorted(points(count) for count in counts)
    assert points(100) == points(1000)


def test_a_surgeon_who_was_slow_gets_no_points_for_it_and_one_without_a_past_gets_half() -> None:
    fast, slow, fresh = (ranked(surgeon(average_days=days)).score for days in (2.0, 20.0, None))
    assert fast > fresh > slow
    assert "longer than the limit" in said(ranked(surgeon(average_days=20.0)), "lacks")[0]


def test_a_country_that_is_not_listed_is_said() -> None:
    assert said(ranked(surgeon(countries=frozenset({"IN"}))), "lacks") == [
        "Does not list the United Kingdom among the countries they take cases from."
    ]


def test_who_answered_an_earlier_round_is_not_excluded() -> None:
    found = ranked(SURGEON, needs(knows={"p1": "Answered this case in an earlier round."}))
    assert found.place == 1
    assert "Answered this case in an earlier round." in said(found, "fits")


def test_level_surgeons_stand_in_the_order_of_load_then_name_and_say_so() -> None:
    def level(name: str, load: int, most: int) -> Candidate:
        return surgeon(person_id=name, name=name, load=load, most_cases=most)

    found = rank(NEEDS, [level("Dr C", 2, 4), level("Dr B", 2, 4), level("Dr A", 4, 8)])
    assert [one.candidate.name for one in found] == ["Dr B", "Dr C", "Dr A"]
    assert found[0].tie == ("Level with Dr C on points; stands before them in the order of names.")
    assert found[1].tie == "Level with Dr B on points; stands behind them in the order of names."
    assert found[2].tie == (
        "Level with Dr C on points; stands behind them because of 4 against 2 cases now."
    )


def test_the_excluded_stand_last_by_name() -> None:
    one, two = (surgeon(person_id=name, name=name, accepting=False) for name in ("Dr B", "Dr A"))
    found = rank(NEEDS, [one, SURGEON, two])
    assert [one.candidate.name for one in found] == ["Dr Paolo Prandi", "Dr A", "Dr B"]
    assert [one.place for one in found] == [1, None, None]


def test_a_ranked_surgeon_is_plain_json() -> None:
    given = ranked().to_json()
    assert (given["place"], given["name"], given["excluded"]) == (1, "Dr Paolo Prandi", [])
    assert given["fits"][0] == {
        "text": "Operates on the organ in question: pancreas.",
        "points": 40,
    }


CENTRE = CentreFacts(
    centre_id="c1",
    name="Pancreas Institute",
    country="IT",
    kinds=frozenset({"pancreatic"}),
    capabilities=frozenset({"venous_reconstruction"}),
    languages=frozenset({"en"}),
    volumes=(Volume("pancreatoduodenectomy", 2025, 310, "annual report"),),
    surgeons=2,
)


def test_a_centre_is_ranked_by_the_same_needs() -> None:
    bare = replace(CENTRE, centre_id="c2", name="Plain Centre", kinds=frozenset(), surgeons=0)
    first, second = rank_centres(NEEDS, [bare, CENTRE])
    assert [first.centre.name, second.centre.name] == ["Pancreas Institute", "Plain Centre"]
    fits = [one.text for one in first.reasons.fits]
    assert "Dedicated pancreatic centre, as suits this cancer (claim)." in fits
    assert "2 surgeons there could be asked now." in fits
    lacks = [one.text for one in second.reasons.lacks]
    assert "Not listed as dedicated pancreatic centre." in lacks
    assert "No surgeon there could be asked now." in lacks
    assert second.to_json()["place"] == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "St Mary's Hospital"}, "It gave the first verdict."),
        ({"name": "Riverside General Hospital"}, "It is the hospital that asks."),
        ({"active": False}, "The centre is no longer asked."),
        (
            {"ties": (Tie("riverside", "Riverside General Hospital", "affiliated"),)},
            "Not independent: Pancreas Institute is affiliated with Riverside General Hospital, the"
            " hospital that asks.",
        ),
        (
            {"ties": (Tie("mary", "St Mary's Hospital"),)},
            "Not independent: Pancreas Institute belongs to St Mary's Hospital, which gave the first"
            " verdict.",
        ),
        (
            {"conflicts": (Against("a contract", hospital_id="riverside", name="Riverside"),)},
            "Conflict of interest with Riverside: a contract.",
        ),
    ],
)
def test_a_centre_that_is_not_independent_is_excluded(changes: dict[str, Any], why: str) -> None:
    (found,) = rank_centres(NEEDS, [replace(CENTRE, **changes)])
    assert found.place is None
    assert why in [one.text for one in found.reasons.excluded]
