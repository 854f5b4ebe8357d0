"""Opening the viewer from an account."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from server.access.action import Action
from server.access.actions import begin_launch
from server.access.door import Route
from server.foundation.errors import Conflict
from server.people.queries import person
from server.web import cookies
from server.web.pages.case_facts import viewer_address
from server.web.pages.layout import go
from server.web.visit import Visit


class NothingToShow(Conflict):
    """The case has no images yet."""


def launch(visit: Visit) -> Response:
    """Begin a visit to the case and go to the viewer with the case's studies."""
    return begin(visit, lambda launch_id: viewer_address(launch_id, visit.case, visit.view) or "/")


def begin(visit: Visit, address_of: Callable[[str], str]) -> Response:
    """Begin a visit to the case and go where `address_of` its id says; raises NothingToShow."""
    if not visit.case.studies:
        raise NothingToShow(
            "This case has no images yet.",
            remedy="The viewer opens as soon as the hospital's first study has arrived.",
        )
    me = person(visit.session, visit.account.person_id)
    begun = begin_launch(visit.session, visit.case, person=me, now=visit.now, lasts=visit.lasts)
    response = go(address_of(begun.launch.id))
    cookies.give_visit(response, visit.services.settings, begun)
    return response


ROUTES = [Route("/cases/<number>/launch", launch, Action.LAUNCH, ("POST",))]
