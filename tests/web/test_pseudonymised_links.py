"""A coordinator issues a link that hides who the patient is."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from server.access.queries import grants_of_case
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
HIDDEN = "without the patient’s name"


def test_a_surgeons_link_can_hide_who_the_patient_is(
    app: Flask, signed_in: SignedIn, small_world: World
) -> None:
    clara, case = signed_in("Clara"), small_world.inside
    assert HIDDEN not in clara.get(f"/cases/{case.number}").text
    answer = clara.post(
        f"/cases/{case.number}/grants",
        kind="surgeon",
        person_id=small_world.surgeon.id,
        permits=["view", "annotate"],
        days="14",
        pseudonymised="y",
    )
    assert HIDDEN in answer.text
    with app.extensions["margin"].db.reading() as session:
        flags = [one.pseudonymised for one in grants_of_case(session, case.id)]
    assert flags.count(True) == 1


def test_who_sends_images_is_told_why_their_link_cannot_hide_it(
    signed_in: SignedIn, small_world: World
) -> None:
    clara, case = signed_in("Clara"), small_world.inside
    clara.get(f"/cases/{case.number}")
    answer = clara.post(
        f"/cases/{case.number}/grants",
        kind="surgeon",
        person_id=small_world.surgeon.id,
        permits=["view", "upload"],
        days="14",
        pseudonymised="y",
    )
    assert "Whoever sends images and documents sees whose they are." in answer.text
    assert HIDDEN not in answer.text
