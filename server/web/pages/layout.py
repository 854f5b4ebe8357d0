"""What surrounds every page: who is signed in, where they can go, and what was just done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request

from server.access.action import Action
from server.access.permissions import Account
from server.foundation import jobs
from server.foundation.errors import Invalid, MarginError
from server.intake import queries as intake
from server.notices import queries as notices
from server.web.pages.case_places import case_tabs
from server.web.problems import status_of
from server.web.visit import Visit

FORM_REFUSED = Invalid("Something needs to be corrected.")
SEE_OTHER = 303


@dataclass(frozen=True)
class Place:
    """One entry of the navigation. `count` is how much waits there; `also` is where it is too."""

    label: str
    address: str
    action: Action
    count: int = 0
    alarming: bool = False
    also: str = ""

    @property
    def here(self) -> bool:
        others = (self.also,) if self.also else ()
        return request.path.startswith((self.address, *others))


PLACES = (
    Place("Worklist", "/worklist", Action.WORKLIST_READ),
    Place("Arrivals", "/arrivals", Action.ARRIVALS_READ),
    Place("Notices", "/notices", Action.NOTICES_READ),
    Place("Hospitals", "/hospitals", Action.HOSPITALS_READ),
    Place("Surgeons", "/surgeons", Action.SURGEONS_READ, also="/centres"),
    Place("Your profile", "/profile", Action.PROFILE_OWN),
    Place("People", "/people", Action.PEOPLE_READ),
    Place("Figures", "/figures", Action.FIGURES_READ),
    Place("Jobs", "/jobs", Action.JOBS_READ),
    Place("Audit", "/audit", Action.AUDIT_READ),
)


def page(
    visit: Visit, template: str, *, refused: MarginError | None = None, **facts: Any
) -> Response:
    """A page inside the layout. `refused` says why a form comes back, and so with which status."""
    response = make_response(
        render_template(
            template,
            visit=visit,
            now=visit.now,
            today=visit.today,
            account=visit.actor if isinstance(visit.actor, Account) else None,
            places=places(visit),
            case_tabs=case_tabs(visit) if visit.admission.case else [],
            refused=refused,
            width=_width(visit),
            **facts,
        )
    )
    if refused is not None:
        response.status_code = status_of(refused)
    return response


def _width(visit: Visit) -> str:
    """Every page of a hospital's link is as wide as its first one, so that nothing jumps."""
    by_link = visit.admission.launch is not None and visit.admission.case is not None
    if by_link and not visit.pseudonymised and not visit.may(Action.IMAGES_READ):
        return "reading"
    return ""


def go(address: str, said: str = "") -> Response:
    """To another page after a change, with a sentence about what was done."""
    if said:
        flash(said)
    response = make_response(redirect(address))
    response.status_code = SEE_OTHER
    return response


def places(visit: Visit) -> list[Place]:
    """Where this actor can go, with what waits for them there. Nobody and link holders: nowhere."""
    actor = visit.actor
    if not isinstance(actor, Account) or visit.admission.launch is not None:
        return []
    found = []
    for place in PLACES:
        if not visit.may(place.action):
            continue
        waiting, alarming = 0, False
        if place.action is Action.ARRIVALS_READ:
            waiting = intake.unmatched_count(visit.session, actor.hospital_ids)
        elif place.action is Action.NOTICES_READ:
            waiting = notices.unread_count(visit.session, actor.person_id)
        elif place.action is Action.JOBS_READ:
            waiting, alarming = jobs.dead_count(visit.session), True
        found.append(replace(place, count=waiting, alarming=alarming))
    return found
