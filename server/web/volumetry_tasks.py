"""Asked for from the viewer: a resection tried on a measured liver, a region grown from a click."""

from __future__ import annotations

import math
from typing import Any

from flask import Response, jsonify, make_response

from server.access.action import Action
from server.access.door import Route
from server.cases.queries import study_uids
from server.foundation.errors import FieldProblem, Invalid
from server.panel.writing import note_written
from server.volumetry import orders
from server.volumetry.cut import cut_of
from server.volumetry.growth import GROWTHS
from server.volumetry.queries import volume_json
from server.volumetry.records import VolumeMeasurement
from server.web import shown
from server.web.bodies import fields_of_body
from server.web.panel import API
from server.web.taking_part import own_id, shows_volume
from server.web.visit import Visit

ACCEPTED = 202


class RegionRefused(Invalid):
    """What was asked for is not the description of a region to grow."""


def try_resection(visit: Visit) -> Response:
    """Have a cut tried on the liver of a segmentation of this case."""
    body = fields_of_body({"volume": str, "cut": dict})
    source = _measured(visit, body["volume"])
    kept = orders.ask_for_resection(visit.session, source, cut_of(body["cut"]), visit.now)
    _note_author(visit, kept)
    visit.note(volume=kept.id)
    return _accepted(visit, kept)


def grow_region(visit: Visit) -> Response:
    """Have a liver or a tumour grown from a point on a series of this case."""
    body = fields_of_body({"organ": str, "SeriesInstanceUID": str, "StudyInstanceUID": str})
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
    within = _measured(visit, str(liver)) if liver else None
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
    _note_author(visit, kept)
    visit.note(volume=kept.id)
    return _accepted(visit, kept)


def _measured(visit: Visit, volume_id: str) -> VolumeMeasurement:
    """A measurement that can be worked with; one that this visitor may not see yet is not there."""
    found = orders.measured_volume(visit.session, visit.case.id, volume_id)
    if not shows_volume(visit, found):
        raise orders.VolumeNotFound("There is no such segmentation in this case.", remedy="Reload.")
    return found


def _note_author(visit: Visit, made: VolumeMeasurement) -> None:
    note_written(
        visit.session,
        visit.case,
        SOPInstanceUID=made.SOPInstanceUID,
        SeriesInstanceUID=str(made.result["made"]["SeriesInstanceUID"]),
        author_id=own_id(visit),
        now=visit.now,
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
