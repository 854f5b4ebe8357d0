"""Asked for from the viewer: a resection tried on a measured liver, a region grown from a click."""

from __future__ import annotations

import math
from typing import Any

from flask import Response, jsonify, make_response, request

from server.access.door import Route
from server.access.permissions import Action
from server.cases.queries import study_uids
from server.foundation.errors import FieldProblem, Invalid
from server.volumetry import orders
from server.volumetry.cut import cut_of
from server.volumetry.growth import GROWTHS
from server.volumetry.queries import volume_json
from server.volumetry.records import VolumeMeasurement
from server.web import shown
from server.web.panel import API, BodyNotUnderstood
from server.web.visit import Visit

ACCEPTED = 202


class RegionRefused(Invalid):
    """What was asked for is not the description of a region to grow."""


def try_resection(visit: Visit) -> Response:
    """Have a cut tried on the liver of a segmentation of this case."""
    body = _body({"volume": str, "cut": dict})
    source = orders.measured_volume(visit.session, visit.case.id, body["volume"])
    kept = orders.ask_for_resection(visit.session, source, cut_of(body["cut"]), visit.now)
    visit.note(volume=kept.id)
    return _accepted(visit, kept)


def grow_region(visit: Visit) -> Response:
    """Have a liver or a tumour grown from a point on a series of this case."""
    body = _body({"organ": str, "SeriesInstanceUID": str, "StudyInstanceUID": str})
    problems = []
    if body["organ"] not in GROWTHS:
        problems.append(FieldProblem("/organ", "The organ is liver or tumour."))
    study = visit.view.real(body["StudyInstanceUID"])
    series = visit.view.real(body["SeriesInstanceUID"])
    if study not in study_uids(visit.session, visit.case.id) or series is None:
        problems.append(FieldProblem("/StudyInstanceUID", "This study is not part of the case."))
    seed = _point(body.get("seed_mm"))
    if seed is None:
        problems.append(FieldProblem("/seed_mm", "The point is [x, y, z] in mm in the patient."))
    if problems:
        raise RegionRefused("This cannot be grown.", problems, remedy="Correct the fields named.")
    liver = body.get("liver")
    within = orders.measured_volume(visit.session, visit.case.id, str(liver)) if liver else None
    assert study is not None
    assert series is not None
    assert seed is not None
    kept = orders.ask_for_region(
        visit.session,
        visit.case.id,
        (study, series),
        body["organ"],
        seed,
        within,
        visit.now,
    )
    visit.note(volume=kept.id)
    return _accepted(visit, kept)


def _body(expected: dict[str, type]) -> dict[str, Any]:
    said = request.get_json(silent=True)
    if isinstance(said, dict) and all(isinstance(said.get(n), k) for n, k in expected.items()):
        return said
    raise BodyNotUnderstood(
        f"The body is no JSON object with {', '.join(expected)}.", remedy="Reload the viewer."
    )


def _point(said: Any) -> tuple[float, float, float] | None:
    if not isinstance(said, list) or len(said) != 3:
        return None
    if not all(type(one) in (int, float) and math.isfinite(one) for one in said):
        return None
    return float(said[0]), float(said[1]), float(said[2])


def _accepted(visit: Visit, kept: VolumeMeasurement) -> Response:
    answer = jsonify(shown.panel(visit, {"volumes": [volume_json(kept)]}))
    return make_response(answer, ACCEPTED)


ROUTES = [
    Route(f"{API}/resections", try_resection, Action.IMAGES_WRITE, ("POST",)),
    Route(f"{API}/regions", grow_region, Action.IMAGES_WRITE, ("POST",)),
]
