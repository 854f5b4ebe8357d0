"""A panel from its convening to its conclusion, on either kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.annotations import actions as forms
from server.cases import assigning
from server.cases.assigning import LAPSE_OFFERS
from server.foundation.errors import Invalid
from server.foundation.jobs import Job
from server.panel import actions, concluding
from server.panel.actions import HasVoted, NotAVoter, PanelUnderWay, VotesClosed
from server.panel.concluding import Conclusion, NotTheChair, PanelConcluded, VotesNotIn
from server.panel.lapsing import lapse_offers_of
from server.panel.queries import agreement_of, kappa_over_cases, seats_of, voters_of
from server.panel.sight import sight_of, visible_annotations, visible_signed
from server.people.records import Person
from tests.panel.panel_world import LATER, MEMBERS, NOT_HERE, RESECTABLE, PanelWorld, convene, vote


def conclude(
    made: PanelWorld, now: datetime, *, verdict: str, who: str = "Carl", reason: str = ""
) -> None:
    with made.db.writing() as session:
        panel, case = made.panel(session), made.case(session)
        draft = concluding.conclusion_draft(session, panel, case)
        concluding.conclude(
            session,
            panel,
            case,
            Conclusion("We looked at this together.", verdict, reason),
            chair=session.get_one(Person, made.people[who].id),
            seen_version=draft.version,
            imaging=[],
            now=now,
        )


def test_three_votes_with_a_majority_open_and_the_conclusion_begins_as_one_of_them(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    assert not vote(made, "Mara", RESECTABLE, now).opened
    assert not vote(made, "Nils", NOT_HERE, now).opened
    assert vote(made, "Olga", RESECTABLE, now).opened
    with made.db.reading() as session:
        panel, case = made.panel(session), made.case(session)
        assert (panel.state, panel.majority) == ("open", "resectable_now")
        assert case.state == "assigned"
        draft = concluding.conclusion_draft(session, panel, case)
        assert draft.answers == RESECTABLE
        assert draft.annotation.reviewer_id == panel.id
        (verdict,) = (one for one in agreement_of(panel, case) if one.pointer == "/verdict")
        assert (verdict.agreeing, verdict.of) == (2, 3)


def test_three_different_votes_call_two_more_from_standby_and_stay_sealed(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    for name, answers in zip(MEMBERS, (RESECTABLE, NOT_HERE, LATER), strict=True):
        last = vote(made, name, answers, now)
    assert [one.person_id for one in last.called] == made.ids(["Pia", "Quin"])
    assert last.unfilled == 0
    with made.db.writing() as session:
        panel, case = made.panel(session), made.case(session)
        assert (panel.state, panel.wanted, panel.called) == ("voting", 5, 2)
        for name in ("Pia", "Quin"):
            assigning.accept(session, case, made.people[name].id, now=now)
    vote(made, "Pia", NOT_HERE, now)
    assert vote(made, "Quin", NOT_HERE, now).opened
    with made.db.reading() as session:
        panel, case = made.panel(session), made.case(session)
        assert panel.majority == "not_resectable_here"
        assert [one.person.name for one in panel.votes if one.called_later] == ["Pia", "Quin"]


def test_without_standby_the_coordinator_is_asked_and_names_the_next(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now, standby=())
    for name, answers in zip(MEMBERS, (RESECTABLE, NOT_HERE, LATER), strict=True):
        last = vote(made, name, answers, now)
    assert (len(last.called), last.unfilled) == (0, 2)
    with made.db.writing() as session:
        panel, case = made.panel(session), made.case(session)
        assert actions.open_seats(panel, case).unfilled == 2
        actions.add_member(
            session,
            panel,
            case,
            session.get_one(Person, made.people["Pia"].id),
            seen_version=case.version,
            by="Clara",
            now=now,
        )
        assert actions.open_seats(panel, case).unfilled == 1


def test_a_member_who_declines_after_voting_began_is_replaced_from_standby(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    vote(made, "Mara", RESECTABLE, now)
    with made.db.writing() as session:
        case = made.case(session)
        assigning.decline(session, case, made.people["Nils"].id, reason="ill", now=now)
        advance = actions.after_leaving(session, case, by="Nils", now=now)
        assert [one.person_id for one in advance.called] == made.ids(["Pia"])
        names = [one.name for one in voters_of(made.panel(session), case)]
    assert names == ["Mara", "Olga", "Pia"]


def test_a_member_who_does_not_answer_in_time_is_replaced_by_the_job(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now, ask=True)
    later = now + timedelta(hours=48)
    with made.db.writing() as session:
        case = made.case(session)
        for name in ("Mara", "Nils", "Carl"):
            assigning.accept(session, case, made.people[name].id, now=now)
        ended = lapse_offers_of(session, case.id, later)
        assert [one.person.name for one in ended] == ["Olga"]
        seats = {
            one.name: one.assignment.state
            for one in seats_of(made.panel(session), case)
            if one.assignment
        }
        assert seats == {"Mara": "active", "Nils": "active", "Pia": "offered", "Carl": "active"}
        due = {job.run_at for job in session.query(Job).filter(Job.name == LAPSE_OFFERS)}
        assert due == {later, later + timedelta(hours=48)}


def test_whoever_voted_cannot_leave_and_the_panel_cannot_be_dissolved(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    vote(made, "Mara", RESECTABLE, now)
    with made.db.reading() as session:
        case = made.case(session)
        with pytest.raises(HasVoted):
            actions.refuse_leaving(session, case, made.people["Mara"].id)
        with pytest.raises(PanelUnderWay):
            actions.dissolve(session, case)


def test_a_panel_without_votes_is_dissolved_and_the_case_is_ready_again(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    with made.db.writing() as session:
        case = made.case(session)
        actions.dissolve_and_clear(session, case, seen_version=case.version, by="Clara", now=now)
        assert case.state == "ready"
    convene(made, now)


def test_nobody_sees_another_before_all_are_in_and_everybody_afterwards(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    vote(made, "Mara", RESECTABLE, now)
    vote(made, "Nils", RESECTABLE, now)
    case_id = made.world.inside.id
    with made.db.reading() as session:
        for name in ("Mara", "Nils", "Olga", "Carl"):
            person = made.people[name]
            seen = visible_annotations(session, case_id, person.id)
            assert {one.reviewer_id for one in seen} <= {person.id}
            assert sight_of(session, case_id, person.id).sealed
        assert visible_signed(session, case_id, made.world.coordinator.id) == []
    vote(made, "Olga", RESECTABLE, now)
    with made.db.reading() as session:
        assert len(visible_signed(session, case_id, made.people["Olga"].id)) == 3


def test_the_chair_concludes_with_the_majority_and_the_case_is_completed(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    for name in MEMBERS:
        vote(made, name, NOT_HERE, now)
    conclude(made, now, verdict=NOT_HERE["verdict"])
    with made.db.reading() as session:
        panel, case = made.panel(session), made.case(session)
        assert (panel.state, case.state) == ("concluded", "opined")
        assert panel.returns_on == now.date() + timedelta(days=61)
        assert {one.state for one in case.assignments if one.person.name != "Lena"} == {"completed"}


def test_a_conclusion_that_departs_from_the_majority_needs_a_reason_that_is_kept(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    for name in MEMBERS:
        vote(made, name, NOT_HERE, now)
    with made.db.writing() as session:
        panel, case = made.panel(session), made.case(session)
        draft = concluding.conclusion_draft(session, panel, case)
        forms.save(session, draft, RESECTABLE, seen_version=draft.version, now=now)
    with pytest.raises(Invalid) as refused:
        conclude(made, now, verdict="resectable_now")
    assert refused.value.problems[0].pointer == "/departure_reason"
    conclude(made, now, verdict="resectable_now", reason="The new CT changes it.")
    with made.db.reading() as session:
        assert made.panel(session).departure_reason == "The new CT changes it."


@pytest.mark.parametrize("who", ["Mara", "Pia"])
def test_only_the_chair_concludes(made: PanelWorld, now: datetime, who: str) -> None:
    convene(made, now)
    for name in MEMBERS:
        vote(made, name, RESECTABLE, now)
    with pytest.raises(NotTheChair):
        conclude(made, now, verdict="resectable_now", who=who)


def test_nobody_concludes_or_discusses_before_all_votes_are_in(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    vote(made, "Mara", RESECTABLE, now)
    with pytest.raises(VotesNotIn):
        conclude(made, now, verdict="resectable_now")
    with pytest.raises(VotesNotIn), made.db.writing() as session:
        actions.discuss(
            session, made.panel(session), author_id="x", author="Mara", text="I think", now=now
        )


def test_the_discussion_is_open_until_the_conclusion(made: PanelWorld, now: datetime) -> None:
    convene(made, now)
    for name in MEMBERS:
        vote(made, name, RESECTABLE, now)
    with made.db.writing() as session:
        panel = made.panel(session)
        actions.discuss(session, panel, author_id="x", author="Mara", text=" Agreed. ", now=now)
        with pytest.raises(Invalid):
            actions.discuss(session, panel, author_id="x", author="Mara", text=" ", now=now)
    conclude(made, now, verdict="resectable_now")
    with pytest.raises(PanelConcluded), made.db.writing() as session:
        actions.discuss(
            session, made.panel(session), author_id="x", author="Mara", text="Late", now=now
        )


def test_a_vote_by_somebody_without_a_voice_is_refused_and_nothing_of_it_stays(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    for name in ("Carl", "Pia"):
        with pytest.raises(NotAVoter):
            vote(made, name, RESECTABLE, now)
    with made.db.reading() as session:
        assert made.panel(session).votes == []


def test_a_vote_after_the_conclusion_is_refused(made: PanelWorld, now: datetime) -> None:
    convene(made, now)
    for name in MEMBERS:
        vote(made, name, RESECTABLE, now)
    conclude(made, now, verdict="resectable_now")
    with pytest.raises(VotesClosed, match="concluded"):
        vote(made, "Pia", NOT_HERE, now)


def test_a_chair_who_votes_counts_as_one_of_the_first(made: PanelWorld, now: datetime) -> None:
    convene(made, now, members=("Mara", "Nils"), chair="Carl", chair_votes=True)
    vote(made, "Mara", RESECTABLE, now)
    vote(made, "Nils", RESECTABLE, now)
    assert vote(made, "Carl", NOT_HERE, now).opened
    conclude(made, now, verdict="resectable_now")


def test_a_panel_that_lost_its_chair_gets_another(made: PanelWorld, now: datetime) -> None:
    convene(made, now)
    with made.db.writing() as session:
        case = made.case(session)
        assigning.decline(session, case, made.people["Carl"].id, reason="ill", now=now)
        actions.after_leaving(session, case, by="Carl", now=now)
        panel = made.panel(session)
        assert panel.chair_id is None
        pia = session.get_one(Person, made.people["Pia"].id)
        actions.name_chair(
            session, panel, case, pia, seen_version=case.version, by="Clara", now=now
        )
        assert panel.chair_id == pia.id


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"members": ("Mara", "Nils")}, "/members"),
        ({"members": ("Mara", "Nils", "Carl")}, "/members"),
        ({"rule": "single"}, "/rule"),
        ({"rule": "two-of-two-then-third"}, "/members"),
        ({"standby": ("Mara",)}, "/members"),
    ],
)
def test_a_panel_that_does_not_fit_its_rule_is_not_convened(
    made: PanelWorld, now: datetime, change: dict[str, object], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        convene(made, now, **change)  # type: ignore[arg-type]
    assert pointer in {one.pointer for one in refused.value.problems}


def test_one_case_has_one_panel(made: PanelWorld, now: datetime) -> None:
    convene(made, now)
    with pytest.raises(PanelUnderWay):
        convene(made, now)


def test_kappa_counts_the_open_panels_and_no_other(made: PanelWorld, now: datetime) -> None:
    convene(made, now)
    with made.db.reading() as session:
        assert kappa_over_cases(session, "pancreas") == []
    for name in MEMBERS:
        vote(made, name, RESECTABLE, now)
    with made.db.reading() as session:
        found = kappa_over_cases(session, "pancreas")
        assert {one.cases for one in found} == {1}
        assert {one.percent for one in found} == {100.0}
