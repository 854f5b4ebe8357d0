"""Surgeons: what they do, what they take on, when they are away, and whose cases they do not judge."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import Conflict, Invalid
from server.people.queries import PersonNotFound, hospitals, people, person
from server.people.records import Person
from server.routing import actions, importing, queries
from server.routing.checking import ProfileSaid
from server.routing.vocabulary import ORGAN_TITLES
from server.web.pages import registry_forms
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import day, errors_of, number, profile_typed, typed
from server.web.visit import Visit


def show_surgeons(visit: Visit) -> Response:
    """Every surgeon with load, speed and the next absence; `organ` leaves the others out."""
    session, organ = visit.session, request.args.get("organ", "")
    kept = queries.profiles(session)
    shown = [
        one
        for one in people(session, "surgeon")
        if organ not in ORGAN_TITLES or (one.id in kept and organ in kept[one.id].organs)
    ]
    return page(
        visit,
        "surgeons.html",
        surgeons=shown,
        profiles=kept,
        paces=queries.paces(session, visit.now),
        absences=queries.absences(session, today=visit.now.date()),
        organ=organ if organ in ORGAN_TITLES else "",
        no_pace=queries.Pace(),
        may_change=visit.may(Action.SURGEONS_CHANGE),
        **registry_forms.offered(),
    )


def show_surgeon(visit: Visit, person_id: str) -> Response:
    """A surgeon's profile."""
    return _one(visit, surgeon(visit, person_id))


def surgeon(visit: Visit, person_id: str) -> Person:
    """A person who is a surgeon; raises PersonNotFound."""
    found = person(visit.session, person_id)
    if found.role != "surgeon":
        raise PersonNotFound("This is no surgeon.", remedy="Choose somebody from the list.")
    return found


def _one(visit: Visit, shown: Person, refused: Invalid | None = None, at: str = "") -> Response:
    base = f"/surgeons/{shown.id}"
    return page(
        visit,
        "surgeon_profile.html",
        refused=refused,
        may_change=visit.may(Action.SURGEONS_CHANGE),
        may_note=visit.may(Action.ABSENCES_CHANGE),
        base=base,
        **profile_facts(visit, shown, refused, at),
    )


def profile_facts(
    visit: Visit, shown: Person, refused: Invalid | None = None, at: str = ""
) -> dict[str, Any]:
    """What the pages of one surgeon show; `at` names the form that came back."""
    session, profile = visit.session, queries.profile_of(visit.session, shown.id)
    zone = profile.time_zone if profile else ""
    if not zone and profile is not None and profile.centre is not None:
        zone = profile.centre.time_zone
    names = ("from_on", "until_on", "why", "against")
    return {
        "surgeon": shown,
        "profile": profile,
        "volumes": queries.volumes(session, person_id=shown.id),
        "pace": queries.paces(session, visit.now, shown.id).get(shown.id, queries.Pace()),
        "absences": queries.absences(session, today=visit.now.date(), person_id=shown.id).get(
            shown.id, []
        ),
        "conflicts": queries.conflicts(session, person_id=shown.id),
        "others": queries.centres(session),
        "hospitals": hospitals(session),
        "people": [one for one in people(session, "surgeon") if one.id != shown.id],
        "errors": errors_of(refused),
        "at": at,
        "typed": {name: typed(name) for name in names} if refused else {},
        "zone": zone,
        "clock": _there(visit.now, zone),
        "one_day": timedelta(days=1),
        **registry_forms.offered(),
    }


def _there(now: datetime, zone: str) -> str:
    """What the clock shows where they are: `18:40`; nothing when that is not known."""
    return f"{now.astimezone(ZoneInfo(zone)):%H:%M}" if zone else ""


def edit_surgeon(visit: Visit, person_id: str) -> Response:
    """The form of a profile, filled in with what is kept."""
    shown = surgeon(visit, person_id)
    profile = queries.profile_of(visit.session, shown.id)
    said = importing.said_of(visit.session, profile) if profile else ProfileSaid()
    return _form(visit, shown, said, profile.version if profile else 0)


def change_surgeon(visit: Visit, person_id: str) -> Response:
    """Keep a profile."""
    shown, said = surgeon(visit, person_id), profile_typed()
    try:
        with visit.attempt():
            actions.keep_profile(
                visit.session,
                shown,
                said,
                by=visit.actor.text,
                now=visit.now,
                seen_version=number("version", 0),
            )
    except (Invalid, Conflict) as error:
        return _form(visit, shown, said, number("version", 0), error)
    visit.note(person=shown.id)
    return go(f"/surgeons/{shown.id}", f"The profile of {shown.name} is saved.")


def _form(
    visit: Visit,
    shown: Person,
    said: ProfileSaid,
    version: int,
    refused: Invalid | Conflict | None = None,
) -> Response:
    lines = registry_forms.lines_of(said.volumes)
    if refused:
        lines = [*registry_forms.volume_lines(), *registry_forms.lines_of(())]
    return page(
        visit,
        "surgeon_profile_form.html",
        refused=refused,
        errors=errors_of(refused),
        surgeon=shown,
        said=said,
        version=version,
        centres=queries.centres(visit.session),
        volume_lines=lines,
        most_cases=typed("most_cases") if refused else str(said.most_cases),
        **registry_forms.offered(),
    )


def add_absence(visit: Visit, person_id: str) -> Response:
    """Note when a surgeon is away."""
    shown = surgeon(visit, person_id)
    refused = note_absence(visit, shown)
    if refused is not None:
        return _one(visit, shown, refused, "absence")
    return go(f"/surgeons/{shown.id}#absences", "The absence is noted.")


def note_absence(visit: Visit, shown: Person) -> Invalid | None:
    """Note an absence from the form; the refusal when it cannot be."""
    try:
        with visit.attempt():
            actions.add_absence(
                visit.session,
                shown,
                from_on=day("from_on"),
                until_on=day("until_on"),
                why=typed("why"),
                by=visit.actor.text,
                now=visit.now,
            )
    except Invalid as error:
        return error
    visit.note(person=shown.id, absence="added")
    return None


def remove_absence(visit: Visit, person_id: str, absence_id: str) -> Response:
    """They are there after all."""
    shown = surgeon(visit, person_id)
    actions.remove_absence(visit.session, shown.id, absence_id)
    visit.note(person=shown.id, absence="removed")
    return go(f"/surgeons/{shown.id}#absences", "The absence is taken out.")


def add_conflict(visit: Visit, person_id: str) -> Response:
    """Note whose cases a surgeon is not to judge."""
    shown = surgeon(visit, person_id)
    refused = registry_forms.note_conflict(visit, person_id=shown.id)
    if refused is not None:
        return _one(visit, shown, refused, "conflict")
    return go(f"/surgeons/{shown.id}#conflicts", "The conflict is noted.")


def remove_conflict(visit: Visit, person_id: str, conflict_id: str) -> Response:
    """The conflict is over."""
    shown = surgeon(visit, person_id)
    actions.remove_conflict(visit.session, conflict_id, person_id=shown.id)
    visit.note(person=shown.id, conflict="removed")
    return go(f"/surgeons/{shown.id}#conflicts", "The conflict is taken out.")


def own_profile(visit: Visit) -> Response:
    """A surgeon's own page: what is kept of them, and their absences."""
    return _own(visit)


def _own(visit: Visit, refused: Invalid | None = None) -> Response:
    shown = person(visit.session, visit.account.person_id)
    return page(
        visit,
        "surgeon_own.html",
        refused=refused,
        base="/profile",
        **profile_facts(visit, shown, refused, "absence" if refused else ""),
    )


def add_own_absence(visit: Visit) -> Response:
    """A surgeon notes when they are away."""
    refused = note_absence(visit, person(visit.session, visit.account.person_id))
    return _own(visit, refused) if refused else go("/profile", "The absence is noted.")


def remove_own_absence(visit: Visit, absence_id: str) -> Response:
    """A surgeon is there after all."""
    actions.remove_absence(visit.session, visit.account.person_id, absence_id)
    visit.note(person=visit.account.person_id, absence="removed")
    return go("/profile", "The absence is taken out.")


ROUTES = [
    Route("/surgeons", show_surgeons, Action.SURGEONS_READ),
    Route("/surgeons/<person_id>", show_surgeon, Action.SURGEONS_READ),
    Route("/surgeons/<person_id>/edit", edit_surgeon, Action.SURGEONS_CHANGE),
    Route("/surgeons/<person_id>/edit", change_surgeon, Action.SURGEONS_CHANGE, ("POST",)),
    Route("/surgeons/<person_id>/absences", add_absence, Action.ABSENCES_CHANGE, ("POST",)),
    Route(
        "/surgeons/<person_id>/absences/<absence_id>/remove",
        remove_absence,
        Action.ABSENCES_CHANGE,
        ("POST",),
    ),
    Route("/surgeons/<person_id>/conflicts", add_conflict, Action.ABSENCES_CHANGE, ("POST",)),
    Route(
        "/surgeons/<person_id>/conflicts/<conflict_id>/remove",
        remove_conflict,
        Action.ABSENCES_CHANGE,
        ("POST",),
    ),
    Route("/profile", own_profile, Action.PROFILE_OWN),
    Route("/profile/absences", add_own_absence, Action.PROFILE_OWN, ("POST",)),
    Route(
        "/profile/absences/<absence_id>/remove", remove_own_absence, Action.PROFILE_OWN, ("POST",)
    ),
]
