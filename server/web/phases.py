"""Which contrast phase each series shows, for a viewer that sets phases side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Response, jsonify

from server.access.action import Action
from server.access.door import Route
from server.imaging.phase import Phase
from server.imaging.queries import facts_of_row, series_rows
from server.web.shown import veil_of
from server.web.visit import Visit

# The viewer hangs by four phases; the others have no place of their own beside these.
HUNG_AS: Final[Mapping[Phase, str]] = {
    Phase.NATIVE: "native",
    Phase.ARTERIAL_EARLY: "arterial",
    Phase.ARTERIAL_LATE: "arterial",
    Phase.PORTAL_VENOUS: "portal_venous",
    Phase.DELAYED: "delayed",
}


def phases(visit: Visit) -> Response:
    """`{"phases": {SeriesInstanceUID: phase}}`, as headers, pixels and people together have it.

    A series whose phase is not known, or has no place, is left out: its description is all there is.
    """
    veil = veil_of(visit)
    found = {}
    for row in series_rows(visit.session, visit.case.id):
        facts = facts_of_row(row)
        hung = HUNG_AS.get(facts.phase.used) if facts is not None else None
        if hung is not None:
            uid = row.SeriesInstanceUID
            found[veil.uid(uid) if veil is not None else uid] = hung
    return jsonify({"phases": found})


ROUTES = [Route("/r/<launch>/api/phases", phases, Action.IMAGES_READ)]
