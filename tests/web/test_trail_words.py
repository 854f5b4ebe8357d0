"""What happened on a case, said in words that a coordinator knows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import server
from server.access.action import Action
from server.web import trail_words
from tests.web.conftest import Browser
from tests.world import World

SOURCES = Path(server.__file__).parent
# Where something is done without a page, the trail's action is written out.
_WRITTEN = re.compile(r'action="([a-z_]+\.[a-z_]+)"|_record\(session, "([a-z_.]+)"')


def test_every_action_of_the_trail_has_words() -> None:
    written = {
        one or other
        for path in SOURCES.rglob("*.py")
        for one, other in _WRITTEN.findall(path.read_text())
    }
    assert len(written) > 10
    assert (set(Action) | written) - set(trail_words.WORDS) == set()


def test_a_cases_page_says_what_happened_and_no_names_of_the_program(
    signed_in: Callable[[str], Browser], small_world: World
) -> None:
    clara = signed_in("Clara")
    clara.get(f"/cases/{small_world.inside.number}/records")
    trail = clara.get(f"/cases/{small_world.inside.number}").text.split(
        "What happened on this case"
    )[1]
    assert "read the records" in trail
    assert "records.read" not in trail and "/cases/&lt;number&gt;" not in trail


def test_the_audit_page_keeps_the_names_beside_the_words(
    signed_in: Callable[[str], Browser],
) -> None:
    page = signed_in("Ada").get("/audit").text
    assert "signed in" in page and "sign_in · POST /sign-in" in page


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({}, ""),
        ({"protocol": "liver-ct", "findings": []}, "protocol: liver-ct"),
        ({"case_number": "M-2026-00001", "active": False}, "case number: M-2026-00001; active: no"),
        ({"launch": "f7142f4bd173b1ad2c6b"}, "launch: f7142f4b"),
        ({"points": 0, "offered": ["A", "B"]}, "points: 0; offered: A, B"),
        ({"was": {"tier": "report", "why": ""}}, "was: tier: report"),
    ],
)
def test_what_is_noted_beside_it_is_told_without_what_is_empty(
    details: dict[str, object], words: str
) -> None:
    assert trail_words.detail_words(details) == words


@pytest.mark.parametrize(
    ("object_", "words"),
    [
        ("arrival 2040babb490a422995bfd60dc592c6ed", "arrival 2040babb"),
        ("opinion M-2026-00060-O1", "opinion M-2026-00060-O1"),
        ("case M-2026-00001", ""),
        ("GET /cases/<number> M-2026-00001", ""),
    ],
)
def test_what_it_was_done_to_is_named_where_the_case_does_not_say_it(
    object_: str, words: str
) -> None:
    assert trail_words.object_words(object_) == words
