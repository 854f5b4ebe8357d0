"""What holds for every ranking, whoever is ranked for whatever case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.routing.ranking import Ranked, rank
from server.routing.values import Against, Away, Call, Candidate, CaseNeeds, Tie, Volume
from server.routing.vocabulary import (
    ORGAN_TITLES,
    cancers,
    capabilities,
    centre_kinds,
    languages,
    operations,
    subspecialties,
)
from tests.routing.surgeons import TODAY

CODES = sorted(capabilities())
COUNTRIES = ("GB", "IN", "DE")
HOSPITALS = ("h1", "h2", "h3")
CENTRES = ("", "Northern Liver Centre", "Pancreas Institute", "St Mary's Hospital")


def some(words: list[str], most: int = 4) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(words), max_size=most)


days = st.integers(-20, 40).map(lambda number: TODAY + timedelta(days=number))
absences = st.tuples(days, st.integers(0, 20)).map(
    lambda pair: Away(pair[0], pair[0] + timedelta(days=pair[1]))
)
volumes = st.builds(
    Volume,
    st.sampled_from(sorted(operations())),
    st.integers(2015, 2026),
    st.integers(0, 600),
    st.just(""),
)
people = st.builds(
    Candidate,
    person_id=st.uuids().map(str),
    name=st.sampled_from(("Dr A", "Dr B", "Dr C", "dr a")),
    centre_name=st.sampled_from(CENTRES),
    known=st.booleans(),
    active=st.booleans(),
    accepting=st.booleans(),
    organs=some(sorted(ORGAN_TITLES), 3),
    subspecialties=some(sorted(subspecialties()), 2),
    capabilities=some(CODES, 8),
    centre_capabilities=some(CODES, 8),
    centre_kinds=some(sorted(centre_kinds()), 2),
    volumes=st.lists(volumes, max_size=4).map(tuple),
    languages=some(sorted(languages()), 3),
    countries=some(list(COUNTRIES), 2),
    tiers=some(["report", "video"], 2),
    load=st.integers(0, 6),
    most_cases=st.integers(1, 6),
    average_days=st.none() | st.floats(0, 40),
    finished=st.integers(0, 30),
    ties=st.lists(
        st.builds(Tie, st.sampled_from(HOSPITALS), st.sampled_from(CENTRES)), max_size=2
    ).map(tuple),
    conflicts=st.lists(
        st.builds(Against, st.just("why"), hospital_id=st.sampled_from(HOSPITALS)), max_size=2
    ).map(tuple),
    absences=st.lists(absences, max_size=3).map(tuple),
)
calls = st.builds(
    Call, st.sampled_from(CODES), st.sampled_from(("a set", "a reviewer")), st.booleans()
)
cases = st.builds(
    CaseNeeds,
    today=st.just(TODAY),
    organ=st.sampled_from(sorted(ORGAN_TITLES)),
    cancer=st.sampled_from(["", *sorted(cancers())]),
    calls=st.lists(calls, max_size=6).map(tuple),
    operations=st.lists(st.sampled_from(sorted(operations())), max_size=2).map(tuple),
    languages=st.lists(st.sampled_from(sorted(languages())), max_size=2).map(tuple),
    country=st.sampled_from(("", *COUNTRIES)),
    hospital_id=st.sampled_from(HOSPITALS),
    hospital_name=st.sampled_from(("Riverside", "St Mary's Hospital")),
    first_centre=st.sampled_from(CENTRES),
    due_on=st.none() | days,
    tier=st.sampled_from(("", "report", "video")),
)


def shown(found: list[Ranked]) -> list[tuple[str, int | None, float, str]]:
    return [(one.candidate.person_id, one.place, one.score, one.tie) for one in found]


@given(cases, people, st.sampled_from(CODES))
def test_adding_a_capability_never_lowers_anybody(
    case: CaseNeeds, one: Candidate, code: str
) -> None:
    before, after = (
        rank(case, [who])[0] for who in (one, replace(one, capabilities=one.capabilities | {code}))
    )
    assert after.score >= before.score
    assert after.is_excluded == before.is_excluded


@given(cases, people, st.sampled_from(CODES))
def test_what_a_colleague_at_the_centre_can_do_never_lowers_anybody(
    case: CaseNeeds, one: Candidate, code: str
) -> None:
    before, after = (
        rank(case, [who])[0]
        for who in (one, replace(one, centre_capabilities=one.centre_capabilities | {code}))
    )
    assert after.score >= before.score


@given(cases, st.lists(people, max_size=6), people)
def test_excluding_is_absolute_whatever_else_speaks_for_somebody(
    case: CaseNeeds, others: list[Candidate], one: Candidate
) -> None:
    best = replace(
        one,
        organs=frozenset(ORGAN_TITLES),
        capabilities=frozenset(CODES),
        languages=frozenset(languages()),
        ties=(Tie(case.hospital_id, "Riverside"),),
    )
    found = rank(case, [*others, best])
    mine = next(row for row in found if row.candidate is best)
    assert mine.place is None
    assert mine.reasons.excluded
    assert all(
        row.place is not None for row in found[: len(found) - sum(r.is_excluded for r in found)]
    )


@given(cases, st.lists(people, max_size=8, unique_by=lambda one: one.person_id), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_asking(
    case: CaseNeeds, crowd: list[Candidate], luck: object
) -> None:
    mixed = list(crowd)
    luck.shuffle(mixed)  # type: ignore[attr-defined]
    assert shown(rank(case, crowd)) == shown(rank(case, mixed))


@given(cases, st.lists(people, min_size=2, max_size=6, unique_by=lambda one: one.person_id))
def test_who_is_level_says_why_they_stand_where_they_stand(
    case: CaseNeeds, crowd: list[Candidate]
) -> None:
    fit = [one for one in rank(case, crowd) if not one.is_excluded]
    assert [one.score for one in fit] == sorted((one.score for one in fit), reverse=True)
    for place, one in enumerate(fit):
        neighbours = fit[max(0, place - 1) : place] + fit[place + 1 : place + 2]
        assert bool(one.tie) == any(other.score == one.score for other in neighbours)


@given(cases, people)
def test_every_mark_has_its_sentence_and_the_points_are_their_sum(
    case: CaseNeeds, one: Candidate
) -> None:
    (found,) = rank(case, [one])
    reasons = found.reasons
    every = (*reasons.excluded, *reasons.fits, *reasons.lacks, *reasons.warnings)
    assert all(text.text.endswith(".") and text.points >= 0 for text in every)
    if found.is_excluded:
        assert reasons.excluded
        assert found.score == 0
    else:
        assert not reasons.excluded
        assert abs(found.score - sum(text.points for text in every)) < 0.06
