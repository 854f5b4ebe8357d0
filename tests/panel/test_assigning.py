"""Offers and their answers, on either kind of database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from server.annotations import actions as forms
from server.cases import actions as cases
from server.cases import assigning
from server.cases.actions import CaseChangedMeanwhile
from server.cases.asking import Role
from server.cases.assigning import TAKEN, OfferNotOpen
from server.cases.lifecycle import EventNotPossible
from server.cases.queries import holder
from server.foundation.errors import Invalid
from server.foundation.jobs import Job
from server.panel.lapsing import lapse_offers_of
from server.people.records import Person
from tests.panel.panel_world import RESECTABLE, PanelWorld

DAY = timedelta(days=1)


def offered(made: PanelWorld, names: Sequence[str], now: datetime, *, first: bool = True) -> None:
    """Take the case back from whoever has it, and offer it."""
    with made.db.writing() as session:
        case = made.case(session)
        cases.take_back(session, case, seen_version=case.version, now=now)
        assigning.offer(
            session,
            case,
            [made.people[one] for one in names],
            answer_by=now + DAY,
            by="Clara",
            now=now,
            first_takes=first,
            seen_version=case.version,
        )


def states(made: PanelWorld) -> dict[str, str]:
    with made.db.reading() as session:
        return {one.person.name: one.state for one in made.case(session).assignments}


def test_the_first_to_accept_has_the_case_and_the_others_are_told_that_it_is_taken(
    made: PanelWorld, now: datetime
) -> None:
    offered(made, ("Mara", "Nils", "Olga"), now)
    with made.db.writing() as session:
        case = made.case(session)
        assert case.state == "ready"
        assigning.accept(session, case, made.people["Nils"].id, now=now)
        assert case.state == "assigned"
        held = holder(case)
        assert held is not None
        assert held.person.name == "Nils"
    with pytest.raises(OfferNotOpen, match=TAKEN), made.db.writing() as session:
        assigning.accept(session, made.case(session), made.people["Mara"].id, now=now)
    found = states(made)
    assert (found["Mara"], found["Nils"], found["Olga"]) == ("withdrawn", "active", "withdrawn")


def test_declining_needs_a_reason_and_leaves_the_others_asked(
    made: PanelWorld, now: datetime
) -> None:
    offered(made, ("Mara", "Nils"), now)
    with pytest.raises(Invalid), made.db.writing() as session:
        assigning.decline(session, made.case(session), made.people["Mara"].id, reason=" ", now=now)
    with made.db.writing() as session:
        mine = assigning.decline(
            session, made.case(session), made.people["Mara"].id, reason="on leave", now=now
        )
        assert (mine.reason, mine.answered_at) == ("on leave", now)
    found = states(made)
    assert (found["Mara"], found["Nils"]) == ("declined", "offered")


def test_an_offer_that_ran_out_cannot_be_accepted_even_before_the_job_came(
    made: PanelWorld, now: datetime
) -> None:
    offered(made, ("Mara",), now)
    with pytest.raises(OfferNotOpen, match="over"), made.db.writing() as session:
        assigning.accept(session, made.case(session), made.people["Mara"].id, now=now + DAY)


def test_offers_lapse_once_by_a_scripted_clock_and_the_job_waits_for_the_moment(
    made: PanelWorld, now: datetime
) -> None:
    offered(made, ("Mara", "Nils"), now)
    with made.db.writing() as session:
        job = session.query(Job).filter(Job.name == assigning.LAPSE_OFFERS).one()
        assert (job.run_at, job.payload) == (now + DAY, {"case_id": made.world.inside.id})
        early = lapse_offers_of(session, made.world.inside.id, now + DAY - timedelta(seconds=1))
        assert early == []
        assert len(lapse_offers_of(session, made.world.inside.id, now + DAY)) == 2
        assert lapse_offers_of(session, made.world.inside.id, now + DAY) == []
    assert states(made)["Mara"] == "timed_out"


def test_a_declined_case_without_anybody_left_is_ready_again(
    made: PanelWorld, now: datetime
) -> None:
    offered(made, ("Mara",), now)
    with made.db.writing() as session:
        case, mara = made.case(session), made.people["Mara"].id
        assigning.accept(session, case, mara, now=now)
        assigning.decline(session, case, mara, reason="a conflict", now=now)
        assert case.state == "ready"
        assert holder(case) is None


def test_whoever_is_asked_again_finds_their_draft(made: PanelWorld, now: datetime) -> None:
    lena = made.world.surgeon
    with made.db.writing() as session:
        case = made.case(session)
        draft = forms.draft_of(
            session, case.id, case.organ, reviewer_id=lena.id, reviewer_name=lena.name
        )
        forms.save(session, draft, RESECTABLE, seen_version=0, now=now)
    for person_id in (made.people["Mara"].id, lena.id):
        with made.db.writing() as session:
            case, person = made.case(session), session.get_one(Person, person_id)
            cases.assign(session, case, person, seen_version=case.version, by="Clara", now=now)
    with made.db.writing() as session:
        case = made.case(session)
        again = forms.draft_of(
            session, case.id, case.organ, reviewer_id=lena.id, reviewer_name=lena.name
        )
        assert again.answers == RESECTABLE


def test_a_case_that_somebody_has_is_not_offered_to_others(made: PanelWorld, now: datetime) -> None:
    with pytest.raises(Invalid, match="Nobody was asked"), made.db.writing() as session:
        assigning.offer(
            session,
            made.case(session),
            [made.people["Mara"]],
            answer_by=now + DAY,
            by="Clara",
            now=now,
            first_takes=True,
        )


def test_nobody_is_asked_twice_for_the_same_case(made: PanelWorld, now: datetime) -> None:
    offered(made, ("Mara",), now)
    with pytest.raises(Invalid) as refused, made.db.writing() as session:
        assigning.offer(
            session,
            made.case(session),
            [made.people["Mara"]],
            answer_by=now + DAY,
            by="Clara",
            now=now,
        )
    assert "has a part" in refused.value.problems[0].message


def test_a_coordinator_or_a_time_in_the_past_cannot_be_offered(
    made: PanelWorld, now: datetime
) -> None:
    with pytest.raises(Invalid) as refused, made.db.writing() as session:
        assigning.offer(
            session,
            made.case(session),
            [made.world.coordinator],
            answer_by=now,
            by="Clara",
            now=now,
        )
    assert {one.pointer for one in refused.value.problems} == {"/person_id", "/answer_by"}


def test_somebody_who_accepts_while_the_case_is_held_has_it_when_it_goes_on(
    made: PanelWorld, now: datetime
) -> None:
    offered(made, ("Mara",), now)
    with made.db.writing() as session:
        case = made.case(session)
        cases.hold(session, case, reason="MRI", seen_version=case.version, now=now)
        assigning.accept(session, case, made.people["Mara"].id, now=now)
        assert case.state == "on_hold"
        cases.resume(session, case, seen_version=case.version, now=now)
        assert case.state == "assigned"


def test_an_observer_joins_without_taking_the_case(made: PanelWorld, now: datetime) -> None:
    with made.db.writing() as session:
        case = made.case(session)
        assigning.give(
            session,
            case,
            [made.people["Pia"]],
            role=Role.OBSERVER,
            seen_version=case.version,
            by="Clara",
            now=now,
        )
        held = holder(case)
        assert held is not None
        assert held.person.name == "Lena"
        cases.take_back(session, case, seen_version=case.version, now=now)
        assert case.state == "ready"
    assert states(made) == {"Lena": "withdrawn", "Pia": "active"}


def test_a_coordinator_with_an_old_page_is_told(made: PanelWorld, now: datetime) -> None:
    with made.db.writing() as session:
        seen = made.case(session).version
    offered(made, ("Mara",), now)
    with pytest.raises(CaseChangedMeanwhile), made.db.writing() as session:
        assigning.give(
            session,
            made.case(session),
            [made.people["Nils"]],
            seen_version=seen,
            by="Omar",
            now=now,
        )


def test_a_signed_case_can_no_longer_be_taken_back(made: PanelWorld, now: datetime) -> None:
    with made.db.writing() as session:
        cases.complete(session, made.case(session), now)
    with pytest.raises(EventNotPossible, match="opinion issued"), made.db.writing() as session:
        case = made.case(session)
        cases.take_back(session, case, seen_version=case.version, now=now)
