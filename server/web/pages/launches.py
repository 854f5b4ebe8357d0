"""Opening the viewer from an account."""

from __future__ import annotations

from flask import Response

from server.access.actions import begin_launch
from server.access.door import Route
from server.access.permissions import Action
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
    if not visit.case.studies:
        raise NothingToShow(
            "This case has no images yet.",
            remedy="The viewer opens as soon as the hospital's first study has arrived.",
        )
    me = person(visit.session, visit.account.person_id)
    begun = begin_launch(visit.session, visit.case, person=me, now=visit.now)
    settings = visit.services.settings
    response = go(viewer_address(begun.launch.id, visit.case, visit.view) or "/")
    cookies.give(
        response,
        settings,
        cookies.launch_name(settings, begun.launch.id),
        begun.secret,
        expires_at=begun.launch.expires_at,
    )
    return response


ROUTES = [Route("/cases/<number>/launch", launch, Action.LAUNCH, ("POST",))]
