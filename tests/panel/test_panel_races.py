"""Two at once: each race has one outcome, on SQLite and on PostgreSQL, and no work is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from server.annotations import actions as forms
from server.annotations.queries import annotation_of, current
from server.cases import actions as cases
from server.cases import assigning
from server.cases.actions import CaseChangedMeanwhile
from server.cases.assigning import NotAsked, OfferNotOpen, require_part
from server.cases.lifecycle import EventNotPossible
from server.cases.locking import lock
from server.foundation.errors import MarginError
from server.panel import actions
from server.panel.queries import panel_of
from server.panel.records import Panel
from tests.panel.panel_world import LATER, MEMBERS, NOT_HERE, RESECTABLE, PanelWorld, convene, vote

PATIENCE_S = 30


def at_once(*deeds: Callable[[], object]) -> list[MarginError | None]:
    """Do all of it at the same moment; what each raised, or None."""
    start, outcomes = threading.Barrier(len(deeds)), [None] * len(deeds)
    found: list[MarginError | None] = list(outcomes)

    def run(index: int, deed: Callable[[], object]) -> None:
        start.wait(PATIENCE_S)
        try:
            deed()
        except MarginError as error:
            found[index] = error

    threads = [threading.Thread(target=run, args=one) for one in enumerate(deeds)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE_S)
        assert not one.is_alive()
    return found


def draft(made: PanelWorld, person_id: str, name: str, now: datetime) -> None:
    with made.db.writing() as session:
        case = made.case(session)
        mine = forms.draft_of(
            session, case.id, case.organ, reviewer_id=person_id, reviewer_name=name
        )
        forms.save(session, mine, RESECTABLE, seen_version=mine.version, now=now)


def sign_alone(made: PanelWorld, person_id: str, name: str, now: datetime) -> None:
    """What signing does for a single reviewer."""
    with made.db.writing() as session:
        case = made.case(session)
        lock(session, case)
        require_part(case, person_id)
        mine = forms.draft_of(
            session, case.id, case.organ, reviewer_id=person_id, reviewer_name=name
        )
        forms.sign(
            session,
            mine,
            seen_version=mine.version,
            restated_verdict="resectable_now",
            signed_by=name,
            now=now,
        )
        cases.complete(session, case, now)


def take_back(made: PanelWorld, seen: int, now: datetime) -> None:
    with made.db.writing() as session:
        cases.take_back(session, made.case(session), seen_version=seen, now=now)


def standing(made: PanelWorld, person_id: str) -> tuple[str, bool, bool]:
    """The case's state, whether the reviewer's form is signed, whether it is there at all."""
    with made.db.reading() as session:
        mine = current(annotation_of(session, made.world.inside.id, person_id))
        return made.case(session).state, bool(mine and mine.signed_at), mine is not None


@pytest.mark.parametrize("turn", range(3))
def test_signing_while_being_unassigned_ends_either_signed_or_taken_back_with_the_draft_kept(
    made: PanelWorld, now: datetime, turn: int
) -> None:
    lena = made.world.surgeon
    draft(made, lena.id, "Lena", now)
    with made.db.reading() as session:
        seen = made.case(session).version
    signing, taking = at_once(
        lambda: sign_alone(made, lena.id, "Lena", now), lambda: take_back(made, seen, now)
    )
    state, signed, kept = standing(made, lena.id)
    assert kept
    if signing is None:
        assert isinstance(taking, EventNotPossible | CaseChangedMeanwhile)
        assert (state, signed) == ("opined", True)
    else:
        assert isinstance(signing, NotAsked)
        assert "taken back" in signing.detail
        assert taking is None
        assert (state, signed) == ("ready", False)


def test_unassigned_first_the_signature_is_refused_with_its_reason(
    made: PanelWorld, now: datetime
) -> None:
    lena = made.world.surgeon
    draft(made, lena.id, "Lena", now)
    with made.db.reading() as session:
        take_back(made, made.case(session).version, now)
    with pytest.raises(NotAsked, match="taken back from you") as refused:
        sign_alone(made, lena.id, "Lena", now)
    assert "kept as a draft" in refused.value.remedy
    assert standing(made, lena.id) == ("ready", False, True)


def test_signed_first_the_unassignment_is_refused_because_the_case_is_opined(
    made: PanelWorld, now: datetime
) -> None:
    lena = made.world.surgeon
    draft(made, lena.id, "Lena", now)
    with made.db.reading() as session:
        seen = made.case(session).version
    sign_alone(made, lena.id, "Lena", now)
    with pytest.raises(EventNotPossible, match="opinion issued"):
        take_back(made, seen, now)


def test_two_who_accept_the_same_offer_at_once_one_has_it_and_the_other_is_told(
    made: PanelWorld, now: datetime
) -> None:
    with made.db.writing() as session:
        case = made.case(session)
        cases.take_back(session, case, seen_version=case.version, now=now)
        assigning.offer(
            session,
            case,
            [made.people[one] for one in MEMBERS],
            answer_by=now + timedelta(days=1),
            by="Clara",
            now=now,
            first_takes=True,
        )

    def accept(name: str) -> Callable[[], object]:
        def do() -> None:
            with made.db.writing() as session:
                assigning.accept(session, made.case(session), made.people[name].id, now=now)

        return do

    outcomes = at_once(*(accept(name) for name in MEMBERS))
    assert sum(one is None for one in outcomes) == 1
    assert all(isinstance(one, OfferNotOpen | None) for one in outcomes)
    with made.db.reading() as session:
        found = [one.state for one in made.case(session).assignments if one.person.name != "Lena"]
    assert sorted(found) == ["active", "withdrawn", "withdrawn"]


def test_two_coordinators_assigning_at_once_the_second_is_told(
    made: PanelWorld, now: datetime
) -> None:
    with made.db.reading() as session:
        seen = made.case(session).version

    def assign(name: str) -> Callable[[], object]:
        def do() -> None:
            with made.db.writing() as session:
                surgeon = session.get_one(type(made.people[name]), made.people[name].id)
                case = made.case(session)
                cases.assign(session, case, surgeon, seen_version=seen, by="x", now=now)

        return do

    outcomes = at_once(assign("Mara"), assign("Nils"))
    assert sum(isinstance(one, CaseChangedMeanwhile) for one in outcomes) == 1
    with made.db.reading() as session:
        active = [one for one in made.case(session).assignments if one.state == "active"]
    assert len(active) == 1


def cast_of(made: PanelWorld, name: str, answers: dict[str, object], now: datetime) -> None:
    """A vote as the door gives it: with the case held still first."""
    with made.db.writing() as session:
        case = made.case(session)
        lock(session, case)
        panel = made.panel(session)
        _sign_and_cast(session, made, panel, name, answers, now)


def _sign_and_cast(
    session: Session,
    made: PanelWorld,
    panel: Panel,
    name: str,
    answers: dict[str, object],
    now: datetime,
) -> None:
    case, person = made.case(session), made.people[name]
    actions.check_may_vote(panel, case, person.id)
    mine = forms.draft_of(session, case.id, case.organ, reviewer_id=person.id, reviewer_name=name)
    forms.save(session, mine, answers, seen_version=mine.version, now=now)
    signed = forms.sign(
        session,
        mine,
        seen_version=mine.version,
        restated_verdict=str(answers["verdict"]),
        signed_by=name,
        now=now,
    )
    actions.cast(session, panel, case, person.id, signed, now)


def test_the_last_votes_at_once_both_count_and_the_panel_opens_once(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    vote(made, "Mara", RESECTABLE, now)
    outcomes = at_once(
        lambda: cast_of(made, "Nils", RESECTABLE, now), lambda: cast_of(made, "Olga", NOT_HERE, now)
    )
    assert outcomes == [None, None]
    with made.db.reading() as session:
        panel = made.panel(session)
        assert (panel.state, len(panel.votes), panel.majority) == ("open", 3, "resectable_now")


def test_two_differing_last_votes_at_once_call_two_more_and_not_four(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    vote(made, "Mara", RESECTABLE, now)
    at_once(lambda: cast_of(made, "Nils", LATER, now), lambda: cast_of(made, "Olga", NOT_HERE, now))
    with made.db.reading() as session:
        panel, case = made.panel(session), made.case(session)
        assert panel.wanted == 5
        asked = sorted(one.person.name for one in case.assignments if one.state == "offered")
        assert asked == ["Pia", "Quin"]


def test_voting_while_being_taken_off_ends_with_the_vote_counted_or_the_draft_kept(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    with made.db.reading() as session:
        case = made.case(session)
        seen = case.version
        part = next(one.id for one in case.assignments if one.person.name == "Mara")

    def take_off() -> None:
        with made.db.writing() as session:
            case = made.case(session)
            lock(session, case)
            actions.refuse_leaving(session, case, made.people["Mara"].id)
            assigning.release(
                session, case, part, reason="", seen_version=seen, by="Clara", now=now
            )

    voting, taking = at_once(lambda: cast_of(made, "Mara", RESECTABLE, now), take_off)
    assert (voting is None) != (taking is None)
    with made.db.reading() as session:
        assert len(made.panel(session).votes) == (1 if voting is None else 0)


def test_a_vote_while_the_panel_is_being_dissolved_waits_and_is_refused_with_its_draft_kept(
    made: PanelWorld, now: datetime
) -> None:
    convene(made, now)
    mara, outcome = made.people["Mara"], list[MarginError | None]()
    draft(made, mara.id, "Mara", now)

    def vote_now() -> None:
        try:
            with made.db.writing() as session:
                case = made.case(session)
                lock(session, case)
                panel = panel_of(session, case)
                if panel is None:
                    require_part(case, mara.id)
                else:
                    _sign_and_cast(session, made, panel, "Mara", RESECTABLE, now)
            outcome.append(None)
        except MarginError as error:
            outcome.append(error)

    voting = threading.Thread(target=vote_now)
    with made.db.writing() as session:
        case = made.case(session)
        actions.dissolve(session, case)
        voting.start()
        voting.join(0.5)
        assert voting.is_alive(), "the vote did not wait for what happens to its panel"
        cases.take_back(session, case, seen_version=case.version, now=now)
    voting.join(PATIENCE_S)
    assert isinstance(outcome[0], NotAsked)
    assert standing(made, mara.id) == ("ready", False, True)
