"""What the viewer is told of contrast phases, so that it hangs by pixels and not by descriptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask.testing import FlaskClient

from server.cases.queries import case_by_id
from server.imaging import actions
from server.imaging.actions import Assessed
from server.imaging.phase import Phase, PhaseReading
from tests.imaging.made_series import series
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]
LYING, UNKNOWN = "1.2.840.1", "1.2.840.2"


def test_the_viewer_is_told_the_phase_that_the_pixels_show(
    visit: Visit, small_world: World, today: datetime
) -> None:
    says = PhaseReading(Phase.PORTAL_VENOUS, 0.4, ("SeriesDescription says so.",))
    shows = PhaseReading(Phase.ARTERIAL_LATE, 0.9, ("Aorta 320 HU.",))
    nothing = PhaseReading(Phase.INDETERMINATE, 0.0, ())
    found = [
        series(uid=LYING, header_phase=says, pixel_phase=shows),
        series(uid=UNKNOWN, header_phase=nothing, pixel_phase=nothing),
    ]
    with small_world.db.writing() as session:
        case = case_by_id(session, small_world.inside.id)
        kept = [Assessed(one, "mark", looked_at=True) for one in found]
        actions.note_assessment(session, case, kept, whole=True, now=today)
    client, base = visit("surgeon")
    assert client.get(f"{base}/api/phases").get_json() == {"phases": {LYING: "arterial"}}


def test_before_anything_was_assessed_nothing_is_said(visit: Visit) -> None:
    client, base = visit("surgeon")
    assert client.get(f"{base}/api/phases").get_json() == {"phases": {}}
