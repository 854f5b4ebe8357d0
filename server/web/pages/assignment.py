"""Who looks at a case and how: one surgeon, an offer to several, a panel; and the answers so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, request

from server.access.action import Action
from server.access.actions import revoke_links_of
from server.access.door import Route
from server.access.records import Grant
from server.annotations.organs import ORGANS
from server.cases import assigning
from server.cases.asking import ROLE_WORDS, STANDING_WORDS, Role, Standing
from server.cases.lifecycle import Event, State, possible
from server.cases.locking import lock
from server.cases.records import Assignment
from server.foundation.errors import FieldProblem, Invalid, MarginError
from server.panel import actions, telling
from server.panel.deciding import SINGLE, rules
from server.panel.queries import (
    agreement_of,
    kappa_over_cases,
    panel_of,
    panels_of_case,
    rule_for,
    seats_of,
    voters_of,
)
from server.panel.records import Panel
from server.people.queries import people
from server.people.queries import person as person_of
from server.people.records import Person
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import chosen, number, typed
from server.web.routing_of_case import ranking_of
from server.web.visit import Visit

OFFERED_AT_ONCE = 24
STANDING_IN = (Standing.OFFERED, Standing.ACTIVE, Standing.COMPLETED)
USUAL_HOURS = 48
SEATS = (("", "–"), ("member", "Member"), ("chair", "Chair"), ("standby", "Standby"))


@dataclass(frozen=True)
class Choice:
    """A surgeon who can be chosen, the best suited first, and the first reasons for it."""

    person: Person
    reasons: Sequence[str] = ()


def assignment_page(visit: Visit, refused: MarginError | None = None) -> Response:
    """The coordinator's page of who looks at the case."""
    case, panel = visit.case, panel_of(visit.session, visit.case)
    choices = _choices(visit)
    parts = sorted(case.assignments, key=lambda one: one.state not in _UNDER_WAY)
    return page(
        visit,
        "assignment.html",
        refused=refused,
        case=case,
        base=base_of(visit),
        parts_of_case=parts,
        role_words=ROLE_WORDS,
        standing_words=STANDING_WORDS,
        panel=panel,
        voted={one.person_id for one in panel.votes} if panel else set(),
        rules=[one for one in rules().values() if one.id != SINGLE],
        choices=choices,
        seats=SEATS,
        hours=USUAL_HOURS,
        can_assign=possible(State(case.state), Event.SURGEON_ASSIGNED),
        can_offer=possible(State(case.state), Event.ASKING_CHANGED),
        earlier=[one for one in panels_of_case(visit.session, case.id) if one is not panel],
        typed=request.form if refused else {},
        **(_of_panel(visit, panel, choices) if panel is not None else {}),
    )


_UNDER_WAY = (Standing.OFFERED, Standing.ACTIVE)


def _of_panel(visit: Visit, panel: Panel, choices: Sequence[Choice]) -> dict[str, Any]:
    case, organ = visit.case, ORGANS[visit.case.organ]
    free = actions.open_seats(panel, case)
    return {
        "rule": rule_for(panel),
        "panel_seats": seats_of(panel, case),
        "voters": voters_of(panel, case),
        "open_seats": free,
        # Nobody is on standby for these: whom routing puts first, to be asked with one click.
        "proposed": choices[: free.unfilled] if panel.sealed else [],
        "agreement": agreement_of(panel, case),
        "kappas": kappa_over_cases(visit.session, case.organ) if not panel.sealed else [],
        "organ": organ,
    }


def _choices(visit: Visit) -> list[Choice]:
    """Active surgeons who have no part in the case, as the ranking orders them; those whom it excludes
    are left out."""
    taken = {one.person_id for one in visit.case.assignments if one.state in _UNDER_WAY}
    known = {
        one.id: one
        for one in people(visit.session, "surgeon")
        if one.active and one.id not in taken
    }
    ranked = [
        Choice(known[one.candidate.person_id], [reason.text for reason in one.reasons.fits[:2]])
        for one in ranking_of(visit).fit
        if one.candidate.person_id in known
    ]
    return ranked[:OFFERED_AT_ONCE]


def offer(visit: Visit) -> Response:
    """Offer the case to those who were ticked; the first to accept has it."""

    def do() -> str:
        made = assigning.offer(
            visit.session,
            visit.case,
            _people(visit, chosen("person_id")),
            answer_by=visit.now + timedelta(hours=_hours()),
            by=visit.actor.text,
            now=visit.now,
            first_takes=True,
            seen_version=_version(),
        )
        telling.asked(visit.session, visit.case, made, visit.now)
        visit.note(offered=[one.person.name for one in made])
        return f"Offered to {_names(made)}. The first to accept has the case."

    return _tried(visit, do)


def convene(visit: Visit) -> Response:
    """Put a panel on the case."""

    def do() -> str:
        panel = actions.convene(
            visit.session,
            visit.case,
            _panel_wanted(visit),
            seen_version=_version(),
            by=visit.actor.text,
            now=visit.now,
        )
        made = [one for one in visit.case.assignments if one.assigned_at >= panel.convened_at]
        telling.asked(
            visit.session, visit.case, [one for one in made if one.state in _UNDER_WAY], visit.now
        )
        telling.convened(visit.session, panel, visit.case, visit.now)
        visit.note(rule=panel.rule, members=[one.person.name for one in made])
        return "The panel is convened. Nobody sees another’s vote before all are in."

    return _tried(visit, do)


def _panel_wanted(visit: Visit) -> actions.Wanted:
    """The form's panel: `seat-<person>` says as what somebody sits, `order-<person>` in which order
    they are asked."""
    ordered = sorted(
        (name for name in request.form if name.startswith("seat-") and typed(name)),
        key=lambda name: number(f"order-{name.removeprefix('seat-')}", 0),
    )
    seats = {
        seat: _people(visit, [one.removeprefix("seat-") for one in ordered if typed(one) == seat])
        for seat, _ in SEATS[1:]
    }
    chairs = seats["chair"]
    if len(chairs) > 1:
        raise _wrong("/chair", "Name one chair.")
    return actions.Wanted(
        rule_id=typed("rule"),
        members=seats["member"],
        chair=chairs[0] if chairs else None,
        chair_votes=bool(typed("chair_votes")),
        standby=seats["standby"],
        answer_hours=None if typed("ask") == "no" else _hours(),
    )


def release(visit: Visit, part: str) -> Response:
    """Take one offer or one part back."""

    def do() -> str:
        lock(visit.session, visit.case)
        found = next((one for one in visit.case.assignments if one.id == part), None)
        if found is not None:
            actions.refuse_leaving(visit.session, visit.case, found.person_id)
        gone = assigning.release(
            visit.session,
            visit.case,
            part,
            reason=typed("reason"),
            seen_version=_version(),
            by=visit.actor.text,
            now=visit.now,
        )
        telling.taken(visit.session, visit.case, gone, visit.now)
        replaced = follow(visit)
        closed = _close_links(visit, gone)
        visit.note(released=gone.person.name, grants=[one.id[:8] for one in closed])
        asked = f" {_names(replaced)} was asked instead." if replaced else ""
        links = " Their link to it is withdrawn." if closed else ""
        return f"{gone.person.name} is off the case; what they entered is kept.{links}{asked}"

    return _tried(visit, do)


def _close_links(visit: Visit, gone: Assignment) -> Sequence[Grant]:
    """Whoever has no part in the case any more opens it by no link either."""
    parts = (one for one in visit.case.assignments if one.person_id == gone.person_id)
    if any(Standing(one.state) in STANDING_IN for one in parts):
        return []
    why = f"{gone.person.name} is off the case."
    return revoke_links_of(
        visit.session, visit.case, gone.person_id, by=visit.actor.text, why=why, now=visit.now
    )


def follow(visit: Visit) -> Sequence[Assignment]:
    """What the panel does when somebody left: whom it asked instead."""
    advance = actions.after_leaving(visit.session, visit.case, by=visit.actor.text, now=visit.now)
    panel = panel_of(visit.session, visit.case)
    if panel is not None:
        telling.advanced(visit.session, panel, visit.case, advance, visit.now)
    return advance.called


def add_observer(visit: Visit) -> Response:
    """Let somebody look on."""

    def do() -> str:
        made = assigning.give(
            visit.session,
            visit.case,
            _people(visit, [typed("person_id")]),
            role=Role.OBSERVER,
            seen_version=_version(),
            by=visit.actor.text,
            now=visit.now,
        )
        telling.asked(visit.session, visit.case, made, visit.now)
        visit.note(observer=_names(made))
        return f"{_names(made)} can look at the case, without voting or signing."

    return _tried(visit, do)


def fill_seats(visit: Visit) -> Response:
    """Ask somebody, or several at once, for the free seats; or name a chair."""

    def do() -> str:
        panel = panel_of(visit.session, visit.case)
        if panel is None:
            raise _wrong("/person_id", "This case has no panel.")
        chairs = typed("as") == "chair"
        people = _people(visit, chosen("person_id")[:OFFERED_AT_ONCE])
        if chairs and len(people) != 1:
            raise _wrong("/person_id", "Name one chair.")
        session, case, seen, now = visit.session, visit.case, _version(), visit.now
        by = visit.actor.text
        if chairs:
            actions.name_chair(session, panel, case, people[0], seen_version=seen, by=by, now=now)
        else:
            actions.add_members(session, panel, case, people, seen_version=seen, by=by, now=now)
        ids = {one.id for one in people}
        new = [one for one in case.assignments if one.person_id in ids and _is_new(visit, one)]
        telling.asked(session, case, new, now)
        visit.note(seat=typed("as") or "member", people=[one.name for one in people])
        named = " and ".join(one.name for one in people)
        if chairs:
            return f"{named} is the chair."
        return f"{named} {'is' if len(people) == 1 else 'are'} asked."

    return _tried(visit, do)


def _is_new(visit: Visit, one: Assignment) -> bool:
    return one.assigned_at == visit.now and one.state in _UNDER_WAY


def dissolve(visit: Visit) -> Response:
    """End a panel in which nobody has voted, and take the case back."""

    def do() -> str:
        actions.dissolve_and_clear(
            visit.session,
            visit.case,
            seen_version=_version(),
            by=visit.actor.text,
            now=visit.now,
        )
        return "The panel is dissolved; choose who looks at the case."

    return _tried(visit, do)


def _tried(visit: Visit, do: Callable[[], str]) -> Response:
    """Do it and go back to the page, or show the page with what was wrong."""
    try:
        with visit.attempt():
            said = do()
    except Invalid as error:
        visit.session.refresh(visit.case)
        visit.session.expire(visit.case, ["assignments"])
        return assignment_page(visit, refused=error)
    return go(f"{base_of(visit)}/assignment", said)


def _people(visit: Visit, ids: Sequence[str]) -> list[Person]:
    return [person_of(visit.session, one) for one in ids if one]


def _version() -> int:
    return number("version", 0)


def _hours() -> int:
    hours = number("answer_hours", USUAL_HOURS)
    if not 1 <= hours <= actions.LONGEST_ANSWER_HOURS:
        raise _wrong("/answer_hours", f"Give 1 to {actions.LONGEST_ANSWER_HOURS} hours to answer.")
    return hours


def _wrong(pointer: str, message: str) -> Invalid:
    return Invalid("Nothing was changed.", [FieldProblem(pointer, message)])


def _names(made: Sequence[Assignment]) -> str:
    return ", ".join(one.person.name for one in made)


AT = "/cases/<number>/assignment"
ROUTES = [
    Route(AT, assignment_page, Action.CASE_ASSIGN),
    Route(f"{AT}/offer", offer, Action.CASE_ASSIGN, ("POST",)),
    Route(f"{AT}/panel", convene, Action.CASE_ASSIGN, ("POST",)),
    Route(f"{AT}/observer", add_observer, Action.CASE_ASSIGN, ("POST",)),
    Route(f"{AT}/seat", fill_seats, Action.CASE_ASSIGN, ("POST",)),
    Route(f"{AT}/dissolve", dissolve, Action.CASE_ASSIGN, ("POST",)),
    Route(f"{AT}/parts/<part>/release", release, Action.CASE_ASSIGN, ("POST",)),
]
