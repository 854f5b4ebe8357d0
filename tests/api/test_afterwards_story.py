"""After the opinion, by the API: compared, asked back, answered, seen in person, what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import Caller
from tests.doors.conftest import visit
from tests.opined import opine
from tests.world import World

__all__ = ["visit"]
Visit = Callable[[str], tuple[FlaskClient, str]]


@pytest.fixture
def case(app: Flask, visit: Visit, small_world: World) -> str:
    """The address of a case that has its opinion."""
    opine(app, visit)
    return f"/cases/{small_world.inside.number}"


def test_the_local_team_asks_back_and_the_surgeon_adds_to_the_opinion(
    case: str, service: Caller, theirs: Caller, reviewer: Caller
) -> None:
    split = service.post(f"{case}/comparison/points", {"points": ["The SMA is encased."]})
    (point,) = split.get_json()["points"]
    at = f"{case}/comparison/points/{point['id']}"
    says = {"local": point["local"], "second": "Contact of 90°.", "standing": "differ"}
    compared = service.put(at, {**says, "version": point["version"]})
    assert compared.get_json()["points"][0]["standing"] == "differ", compared.text
    assert service.put(at, {**says, "version": point["version"]}).status_code == 409
    kept = service.post(f"{at}/removal", {"version": point["version"] + 1})
    assert kept.get_json()["error"]["code"] == "point_in_use"

    asked = theirs.post(f"{at}/questions", {"question": "On which slice?"})
    question = asked.get_json()["points"][0]["asked"][0]
    assert (question["text"], question["addendum"]) == ("On which slice?", None)
    answer = {"text": "On slice 112.", "questions": [question["id"]]}
    assert service.post(f"{case}/addenda", answer).status_code == 403
    signed = reviewer.post(f"{case}/addenda", answer)
    assert signed.status_code == 201, signed.text
    read = theirs.get(f"{case}/comparison").get_json()
    assert read["addenda"][0]["text"] == "On slice 112."
    assert read["points"][0]["asked"][0]["addendum"] == signed.get_json()["number"]
    unmade = theirs.get(signed.get_json()["document"])
    assert unmade.get_json()["error"]["code"] == "addendum_not_found"

    begun = service.get(f"{case}/letters/local_team/en").get_json()
    assert begun["version"] == 0
    assert "Contact of 90°." in begun["text"]
    letter = {"text": "Dear colleagues,", "version": 0}
    assert service.put(f"{case}/letters/local_team/en", letter).get_json()["version"] == 1
    stale = service.put(f"{case}/letters/local_team/en", letter)
    assert stale.get_json()["error"]["code"] == "letter_changed_meanwhile"
    assert service.get(f"{case}/letters/love/en").status_code == 404


def test_an_assessment_in_person_is_asked_for_scheduled_and_over(
    case: str, theirs: Caller, reviewer: Caller, today: datetime
) -> None:
    at = f"{case}/afterwards/in-person"
    empty = reviewer.post(at, {"needs": ["interpreter"]})
    assert [one["pointer"] for one in empty.get_json()["error"]["problems"]] == ["/conditions"]
    made = reviewer.post(at, {"conditions": "If CA 19-9 falls.", "needs": ["interpreter"]})
    assert made.status_code == 201, made.text
    assert reviewer.post(at, {"conditions": "Again."}).get_json()["error"]["code"] == (
        "assessment_stands"
    )
    one = f"{at}/{made.get_json()['id']}"
    day = (today.date() + timedelta(days=9)).isoformat()
    scheduled = reviewer.put(one, {"standing": "scheduled", "version": 1, "on_day": day})
    assert scheduled.get_json()["version"] == 2, scheduled.text
    stale = reviewer.put(one, {"standing": "declined", "version": 1, "note": "No."})
    assert stale.get_json()["error"]["code"] == "assessment_changed_meanwhile"
    (seen,) = theirs.get(f"{case}/afterwards").get_json()["in_person"]
    assert (seen["state"], seen["on_day"], seen["needs"]) == ("scheduled", day, ["interpreter"])
    assert theirs.put(one, {"standing": "declined", "version": 2, "note": "x"}).status_code == 403


def test_both_verdicts_are_judged_and_the_outcome_keeps_its_history(
    case: str, service: Caller, theirs: Caller
) -> None:
    suggested = service.get(f"{case}/outcome/verdicts").get_json()
    judged = {"local_category": "unresectable", "findings": ["convertible"], "chosen": 0}
    assert suggested["chosen"] == 0
    kept = service.put(f"{case}/outcome/verdicts", judged).get_json()
    assert (kept["findings"], kept["chosen"]) == (["convertible"], 1)
    assert kept["change"]
    assert theirs.get(f"{case}/outcome/verdicts").status_code == 403
    theirs.put(f"{case}/outcome", {"entry": 0, "course": "pending"})
    reason = {"course": "not_operated", "not_operated_reason": "patients_wish"}
    corrected = theirs.put(f"{case}/outcome", {"entry": 1, **reason}).get_json()
    assert [one["changed"] for one in corrected["history"]] == [
        ["course"],
        ["course", "not_operated_reason"],
    ]


def test_where_the_time_went_is_told_stage_by_stage(case: str, theirs: Caller) -> None:
    stages = {one["stage"]: one for one in theirs.get(f"{case}/clock").get_json()["stages"]}
    assert (stages["review"]["over"], stages["review"]["late"]) == (True, False)
    assert stages["routing"]["promised_days"] is not None


def test_due_cases_are_found_by_their_day(case: str, service: Caller, today: datetime) -> None:
    far, past = today.date() + timedelta(days=60), today.date() - timedelta(days=1)
    numbers = [one["number"] for one in service.get(f"/cases?due_until={far}").get_json()["cases"]]
    assert case.rpartition("/")[2] in numbers
    assert service.get(f"/cases?due_until={past}").get_json()["cases"] == []
