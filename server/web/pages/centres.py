"""Centres: what they can do, how much of it, and which hospitals they are not independent of."""

from __future__ import annotations

from typing import Any

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import Conflict, Invalid
from server.people.queries import hospitals
from server.routing import actions, queries
from server.routing.checking import TIES, CentreSaid
from server.routing.records import Centre
from server.routing.values import Volume
from server.web.pages import registry_forms
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import centre_typed, errors_of, number, typed
from server.web.visit import Visit


def show_centres(visit: Visit) -> Response:
    """Every centre in a table."""
    everybody = queries.profiles(visit.session).values()
    here: dict[str, int] = {}
    for one in everybody:
        if one.centre_id:
            here[one.centre_id] = here.get(one.centre_id, 0) + 1
    return page(
        visit,
        "centres.html",
        centres=queries.centres(visit.session),
        surgeons=here,
        may_change=visit.may(Action.CENTRES_CHANGE),
        ties=TIES,
        **registry_forms.offered(),
    )


def new_centre(visit: Visit) -> Response:
    """An empty form."""
    return _form(visit, None, CentreSaid(name=""))


def add_centre(visit: Visit) -> Response:
    """Add a centre."""
    return _keep(visit, None)


def show_centre(visit: Visit, centre_id: str) -> Response:
    """One centre, its surgeons and its conflicts."""
    return _one(visit, queries.centre(visit.session, centre_id))


def _one(visit: Visit, centre: Centre, refused: Invalid | None = None) -> Response:
    session = visit.session
    return page(
        visit,
        "centre.html",
        refused=refused,
        errors=errors_of(refused),
        centre=centre,
        volumes=queries.volumes(session, centre_id=centre.id),
        surgeons=queries.surgeons_of(session, centre.id),
        conflicts=queries.conflicts(session, centre_id=centre.id),
        others=[one for one in queries.centres(session) if one.id != centre.id],
        hospitals=hospitals(session),
        people=[],
        ties=TIES,
        typed={"why": typed("why"), "against": typed("against")} if refused else {},
        base=f"/centres/{centre.id}",
        may_change=visit.may(Action.CENTRES_CHANGE),
        may_note=visit.may(Action.ABSENCES_CHANGE),
        **registry_forms.offered(),
    )


def edit_centre(visit: Visit, centre_id: str) -> Response:
    """The form of a centre, filled in with what is kept."""
    centre = queries.centre(visit.session, centre_id)
    kept = queries.volumes(visit.session, centre_id=centre.id)
    said = CentreSaid(
        name=centre.name,
        country=centre.country,
        time_zone=centre.time_zone,
        kinds=tuple(centre.kinds),
        languages=tuple(centre.languages),
        capabilities=tuple(centre.capabilities),
        hospitals=tuple((one.hospital_id, one.how) for one in centre.hospitals),
        volumes=tuple(Volume(one.operation, one.year, one.count, one.source) for one in kept),
        note=centre.note,
        active=centre.active,
    )
    return _form(visit, centre, said)


def change_centre(visit: Visit, centre_id: str) -> Response:
    """Change a centre."""
    return _keep(visit, queries.centre(visit.session, centre_id))


def _keep(visit: Visit, centre: Centre | None) -> Response:
    said = centre_typed()
    try:
        with visit.attempt():
            kept = actions.keep_centre(
                visit.session,
                centre,
                said,
                by=visit.actor.text,
                now=visit.now,
                seen_version=number("version", 0) if centre else None,
            )
    except (Invalid, Conflict) as error:
        return _form(visit, centre, said, error)
    visit.note(centre=kept.id)
    return go(f"/centres/{kept.id}", f"{kept.name} is saved.")


def _form(
    visit: Visit, centre: Centre | None, said: CentreSaid, refused: Invalid | Conflict | None = None
) -> Response:
    lines = registry_forms.volume_lines() if refused else None
    shown: list[Any] = [*lines] if lines is not None else []
    return page(
        visit,
        "centre_form.html",
        refused=refused,
        errors=errors_of(refused),
        centre=centre,
        version=number("version", 0) if refused else centre.version if centre else 0,
        said=said,
        tied=dict(said.hospitals),
        hospitals=hospitals(visit.session),
        ties=TIES,
        volume_lines=[*shown, *registry_forms.lines_of(())]
        if refused
        else registry_forms.lines_of(said.volumes),
        **registry_forms.offered(),
    )


def add_conflict(visit: Visit, centre_id: str) -> Response:
    """Note a conflict of a centre."""
    centre = queries.centre(visit.session, centre_id)
    refused = registry_forms.note_conflict(visit, centre_id=centre.id)
    if refused is not None:
        return _one(visit, centre, refused)
    return go(f"/centres/{centre.id}", "The conflict is noted.")


def remove_conflict(visit: Visit, centre_id: str, conflict_id: str) -> Response:
    """The conflict is over."""
    centre = queries.centre(visit.session, centre_id)
    actions.remove_conflict(visit.session, conflict_id, centre_id=centre.id)
    visit.note(centre=centre.id, conflict="removed")
    return go(f"/centres/{centre.id}", "The conflict is taken out.")


ROUTES = [
    Route("/centres", show_centres, Action.CENTRES_READ),
    Route("/centres/new", new_centre, Action.CENTRES_CHANGE),
    Route("/centres/new", add_centre, Action.CENTRES_CHANGE, ("POST",)),
    Route("/centres/<centre_id>", show_centre, Action.CENTRES_READ),
    Route("/centres/<centre_id>/edit", edit_centre, Action.CENTRES_CHANGE),
    Route("/centres/<centre_id>/edit", change_centre, Action.CENTRES_CHANGE, ("POST",)),
    Route("/centres/<centre_id>/conflicts", add_conflict, Action.ABSENCES_CHANGE, ("POST",)),
    Route(
        "/centres/<centre_id>/conflicts/<conflict_id>/remove",
        remove_conflict,
        Action.ABSENCES_CHANGE,
        ("POST",),
    ),
]
