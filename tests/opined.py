"""A case of the world that has its opinion: signed through the panel, its document made."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from server.annotations.organs import ORGANS
from server.foundation.clock import utc_now
from server.opinions import actions as opinions
from server.opinions.records import IssuedOpinion
from server.web.visit import Services

Visit = Callable[[str], tuple[FlaskClient, str]]
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]
PDF = b"%PDF-1.7 the document of a test"


def with_sma(degrees: int, **more: Any) -> dict[str, Any]:
    """Complete answers about a pancreas, with so much contact of the superior mesenteric artery."""
    answers = deepcopy(COMPLETE)
    answers["vessels"]["sma"]["contact_deg"] = degrees
    return {**answers, **more}


def sign(visit: Visit, answers: dict[str, Any]) -> tuple[FlaskClient, str]:
    """Save and sign these answers as the case's surgeon; the client, and the visit's address."""
    client, base = visit("surgeon")
    version = client.get(f"{base}/api/panel").get_json()["annotation"]["version"]
    saved = client.put(f"{base}/api/annotation", json={"answers": answers, "version": version})
    assert saved.status_code == 200, saved.get_data(as_text=True)
    signed = client.post(
        f"{base}/api/sign",
        json={"version": saved.get_json()["version"], "verdict": answers["verdict"]},
    )
    assert signed.status_code == 200, signed.get_data(as_text=True)
    return client, base


def issue(app: Flask) -> str:
    """Make the documents of what was signed, as the worker would; the newest opinion's number."""
    services: Services = app.extensions["margin"]
    sha256 = services.files.put(PDF)
    with services.db.writing() as session:
        waiting = session.query(IssuedOpinion).order_by(IssuedOpinion.requested_at).all()
        for kept in waiting:
            opinions.note_document(session, kept.id, sha256, utc_now())
        return waiting[-1].number


def opine(app: Flask, visit: Visit, answers: dict[str, Any] | None = None) -> str:
    """Sign and issue the opinion of the world's case; its number."""
    sign(visit, answers or with_sma(200))
    return issue(app)
