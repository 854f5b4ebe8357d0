"""What can be said of the look without eyes: contrast, no inline code, words, cached assets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from server.cases.lifecycle import State
from server.errand.table import JOBS
from server.web import wording
from server.web.pages import assets
from tests.web.conftest import Browser
from tests.world import World

TEMPLATES = sorted((Path(assets.FOLDER).parent / "templates").glob("*.html"))
TOKENS = (assets.FOLDER / "tokens.css").read_text()
LIGHT, DARK, DARK_BY_SYSTEM = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for block in re.split(r"\n +color-scheme: ", TOKENS)[1:]
)
ON_SHEET = ["ink", "ink-2", "accent", "good", "warn", "bad", "info", "idle"]
TONES = ["accent", "good", "warn", "bad", "info", "idle"]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_colour_reaches_wcag_aa(theme: dict[str, str]) -> None:
    pairs = [(ink, paper) for ink in ON_SHEET for paper in ("sheet", "paper", "sunk")]
    pairs += [(tone, f"{tone}-soft") for tone in TONES]
    pairs += [("ink", f"{tone}-soft") for tone in TONES] + [("on-accent", "accent")]
    low = {pair: contrast(theme[pair[0]], theme[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_edges_of_fields_and_the_focus_ring_can_be_seen(theme: dict[str, str]) -> None:
    for edge in ("line-strong", "focus"):
        assert contrast(theme[edge], theme["sheet"]) >= 3


def test_dark_chosen_by_hand_is_the_same_as_dark_by_the_system() -> None:
    assert DARK == DARK_BY_SYSTEM


@pytest.mark.parametrize("template", TEMPLATES, ids=[path.name for path in TEMPLATES])
def test_no_template_holds_inline_code_or_style(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\sstyle\s*=|\son\w+\s*=|<style|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=[path.name for path in TEMPLATES])
def test_every_form_that_changes_something_carries_its_token(template: Path) -> None:
    text = template.read_text()
    forms = re.findall(r'<form\b[^>]*method="post".*?</form>', text, re.DOTALL)
    assert len(forms) == len(re.findall("method=.?post", text, re.IGNORECASE))
    for form in forms:
        assert "csrf" in form or "hidden_tag" in form


def test_an_asset_is_cached_for_ever_under_its_content(app: Flask) -> None:
    address = assets.address("margin.css")
    answer = app.test_client().get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["margin.0123.css", "margin.css"])
def test_an_asset_asked_for_by_another_name_is_not_kept_for_long(app: Flask, name: str) -> None:
    answer = app.test_client().get(f"/static/{name}")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "name", ["../wording.py", "%2e%2e/wording.py", "wording.py", "a/b.css", "."]
)
def test_nothing_but_assets_is_served(app: Flask, name: str) -> None:
    assert app.test_client().get(f"/static/{name}").status_code == 404


def test_every_page_forbids_foreign_and_inline_scripts(signed_in: Callable[[str], Browser]) -> None:
    policy = signed_in("Clara").get("/worklist").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("DOE^JANE", "DOE, JANE"),
        ("Doe^Jane^Mary^Dr^PhD", "Doe, Dr Jane Mary, PhD"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎, やまだ, たろう)"),
        ("DOE", "DOE"),
        ("^JANE", "JANE"),
        ("", "no name"),
        ("^^^^", "no name"),
        (None, "no name"),
    ],
)
def test_person_names_are_readable(written: str | None, shown: str) -> None:
    assert wording.person_name(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [("20261118", "2026-11-18"), ("", "no date"), ("2026.11.18", "2026.11.18"), (None, "no date")],
)
def test_dicom_dates_are_unambiguous(written: str | None, shown: str) -> None:
    assert wording.dicom_day(written) == shown


def test_moments_are_in_utc_and_say_so() -> None:
    moment = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    assert wording.moment(moment) == (
        '<time datetime="2026-11-20T08:30:00Z">2026-11-20 08:30 UTC</time>'
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "today"),
        (1, "tomorrow"),
        (5, "in 5 days"),
        (-1, "1 day overdue"),
        (-9, "9 days overdue"),
    ],
)
def test_deadlines_are_said_in_words(now: datetime, days: int, words: str) -> None:
    due = date(2026, 11, 20) + timedelta(days=days)
    assert wording.due_words(due, now) == words


@pytest.mark.parametrize(
    ("count_bytes", "words"),
    [(0, "0 B"), (812, "812 B"), (1_234_000, "1.2 MB"), (526_000_000, "526 MB"), (7e12, "7000 GB")],
)
def test_sizes_have_units(count_bytes: int, words: str) -> None:
    assert wording.size(count_bytes) == words


def test_every_state_has_a_tone_and_every_permit_a_label() -> None:
    assert set(wording.STATE_TONES) == set(State)
    assert wording.permit_words(["sign", "view"]) == "see the images, sign the opinion"
    assert wording.permit_words(["sign", "upload"]).endswith(
        "; no longer send images and documents"
    )


def test_units_are_written_as_laboratories_print_them() -> None:
    assert wording.unit("G/L") == "×10⁹/L"
    assert wording.unit("µmol/L") == "µmol/L"


def test_every_job_is_said_in_words() -> None:
    assert set(JOBS) <= set(wording.JOB_LABELS)


def test_a_problem_says_a_thing_once(app: Flask) -> None:
    page = app.test_client().get("/worklist", headers={"Accept": "text/html"}).text
    assert '<h1 id="problem-title">Please sign in</h1>' in page
    assert "<p>Please sign in.</p>" not in page


@pytest.mark.parametrize("name", sorted(path.name for path in assets.FOLDER.glob("*.js")))
def test_a_module_asks_for_others_by_addresses_that_are_kept_for_ever(
    app: Flask, name: str
) -> None:
    client = app.test_client()
    script = client.get(assets.address(name)).text
    others = re.findall(r'from "\./([^"]+)"', script)
    assert len(others) == len(re.findall(r"^(?:import|export) .*\bfrom\b", script, re.MULTILINE))
    for other in others:
        assert "immutable" in client.get(f"/static/{other}").headers["Cache-Control"]


def test_a_page_names_every_module_that_its_upload_needs(app: Flask) -> None:
    template = app.jinja_env.get_template("upload_scripts.html")
    with app.app_context():
        written = template.render()
    needed = assets.modules("upload.js")
    assert "upload_words.js" in needed
    assert [
        one for one in needed if f'modulepreload" href="{assets.address(one)}"' not in written
    ] == []


def test_a_sentence_with_dates_stays_text() -> None:
    said = wording.dated("<i> since 2026-11-20")
    assert said == '&lt;i&gt; since <span class="nowrap">2026-11-20</span>'


def test_what_goes_wrong_in_a_frame_of_ours_can_be_read_there_and_nowhere_else(app: Flask) -> None:
    client, people = app.test_client(), {"Accept": "text/html"}
    framed = client.get("/cases/M-2026-00001/opinion/preview", headers=people)
    assert framed.status_code == 401
    assert "frame-ancestors 'self'" in framed.headers["Content-Security-Policy"]
    assert 'target="_top">Sign in</a>' in framed.text
    assert '<header class="bar">' not in framed.text
    around = client.get("/cases/M-2026-00001/opinion", headers=people)
    assert "frame-ancestors 'none'" in around.headers["Content-Security-Policy"]


def test_every_page_of_a_hospitals_link_is_as_wide_as_its_first(
    visitor: Callable[[str], tuple[Browser, str]],
) -> None:
    for who, width in (("hospital", "reading"), ("surgeon", "")):
        browser, base = visitor(who)
        for page in ("/", "/records", "/questions"):
            assert f'tabindex="-1" class="{width}"' in browser.get(base + page).text


def test_a_button_that_moves_a_case_on_says_what_follows(
    signed_in: Callable[[str], Browser], small_world: World
) -> None:
    page = signed_in("Clara").get(f"/cases/{small_world.inside.number}").text
    offered = set(re.findall(r'name="event" value="(\w+)">', page))
    said = set(re.findall(r'id="follows-(\w+)"', page))
    assert offered & {"records_wanted", "surgeon_withdrawn", "close"} == said != set()
