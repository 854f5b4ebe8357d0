"""At every door: whoever is not let in leaves a few lines, and then a count."""

from __future__ import annotations

from collections import Counter

from flask import Flask
from sqlalchemy import update

from server.access.records import Grant
from server.foundation import audit, strangers
from server.foundation.strangers import COUNTED, COUNTED_FOR, WRITTEN_SINGLY
from tests.world import World


def outcomes(app: Flask) -> Counter[tuple[str, str]]:
    with app.extensions["margin"].db.reading() as session:
        assert audit.verify(session).whole
        return Counter((line.actor, line.reason) for line in audit.newest(session, limit=1000))


def test_strangers_leave_a_few_lines_at_each_door(app: Flask, small_world: World) -> None:
    client, made_up = app.test_client(), {"Authorization": f"Bearer mgn_{'x' * 43}"}
    for number in range(WRITTEN_SINGLY + 4):
        assert client.get(f"/cases/M-{number}").status_code == 401
        assert client.get(f"/r/{number:020}/dicom-web/studies").status_code == 401
        assert client.get("/dicom-web/studies", headers=made_up).status_code == 401
        assert client.post("/open", json={"token": f"mgn_{'y' * 43}"}).status_code == 401
        assert client.post("/verify", json={"number": "M-1-O1", "code": "X"}).status_code == 200
    assert max(outcomes(app).values()) <= WRITTEN_SINGLY
    services = app.extensions["margin"]
    with services.db.writing() as session:
        strangers.close_over(session, services.clock() + COUNTED_FOR)
    with services.db.reading() as session:
        counts = [one for one in audit.newest(session) if one.action == COUNTED]
    assert sum(one.details["times"] for one in counts) + sum(outcomes(app).values()) - len(
        counts
    ) == 5 * (WRITTEN_SINGLY + 4)


def test_a_reader_who_may_not_is_named_and_each_refusal_stays(
    app: Flask, small_world: World
) -> None:
    client = app.test_client()
    bearer = {"Authorization": f"Bearer {small_world.tokens['hospital']}"}
    for _ in range(WRITTEN_SINGLY + 4):
        assert client.get("/dicom-web/studies", headers=bearer).status_code == 403
    with app.extensions["margin"].db.reading() as session:
        lines = audit.newest(session, outcome="refused")
    assert len(lines) == WRITTEN_SINGLY + 4
    assert {line.case_number for line in lines} == {small_world.inside.number}
    assert all(line.actor.startswith("grant ") for line in lines)


def test_what_is_refused_by_a_withdrawn_link_is_counted_for_that_link(
    app: Flask, small_world: World
) -> None:
    client, services = app.test_client(), app.extensions["margin"]
    bearer = {"Authorization": f"Bearer {small_world.tokens['viewer']}"}
    with services.db.writing() as session:
        session.execute(update(Grant).values(revoked_at=services.clock(), revoked_by="Clara"))
    for _ in range(WRITTEN_SINGLY + 4):
        assert client.get("/dicom-web/studies", headers=bearer).status_code == 401
    ((actor, reason),) = outcomes(app)
    assert reason.startswith("grant_revoked: ")
    assert outcomes(app)[actor, reason] == WRITTEN_SINGLY
