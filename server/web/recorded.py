"""Recorded values for the panel: what stands in the case's records, for the fields of its form."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from server.access.action import Action
from server.access.door import Route
from server.annotations.organs import ORGANS
from server.dossier.queries import LatestValue, latest_values
from server.web.pages.records_frame import said_of
from server.web.visit import Visit


def recorded_values(visit: Visit) -> Response:
    """`{"fields": {name: {value, unit, taken_on, reported, entered_by}}}`: the newest value for each
    field of this case's form. A value that the field would refuse is left out."""
    properties = ORGANS[visit.case.organ].schema.get("properties", {})
    found = latest_values(visit.session, visit.case, visit.now.date(), properties.keys())
    said = said_of(visit)
    return jsonify(
        {
            "fields": {
                name: {
                    "value": int(one.value) if one.value == int(one.value) else one.value,
                    "unit": one.unit,
                    "taken_on": one.taken_on.isoformat(),
                    "reported": one.reported,
                    "entered_by": said(one.entered_by),
                }
                for name, one in found.items()
                if _fits(properties[name], one)
            }
        }
    )


def _fits(schema: dict[str, Any], found: LatestValue) -> bool:
    least, most = schema.get("minimum"), schema.get("maximum")
    return (least is None or found.value >= least) and (most is None or found.value <= most)


ROUTES = [Route("/r/<launch>/api/recorded", recorded_values, Action.ANNOTATION_READ)]
