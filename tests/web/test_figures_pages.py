"""The dashboard and the research export as pages: who sees which cases, in numbers and as files."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from server.errand.means import Errand
from server.errand.table import export_research
from server.figures.queries import exports
from server.foundation import audit
from server.foundation.db import Database
from server.foundation.settings import Settings
from tests.figures.lives import Lived, live
from tests.figures.test_reviewer_agreement import panel
from tests.figures.test_rows_of_cases import caught_up
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
TABLES = (
    *("reversals", "turnaround", "findings", "inconclusive", "changes", "outcomes"),
    *("conversions", "volumes", "agreement"),
)


@pytest.fixture
def lived(small_world: World, today: datetime) -> World:
    """Twelve opinions for the inside hospital, one for the other."""
    opened = today - timedelta(days=200)
    with small_world.db.writing() as session:
        for _ in range(12):
            life = Lived(opened_at=opened, findings=("resectable",))
            live(session, small_world.hospital, small_world.surgeon, life)
        life = Lived(organ="liver", example="crlm-right-adequate", opened_at=opened)
        live(session, small_world.other_hospital, small_world.other_surgeon, life)
    caught_up(small_world.db, today)
    return small_world


def test_an_empty_service_says_what_to_do(signed_in: SignedIn, small_world: World) -> None:
    text = signed_in("Clara").get("/figures").get_data(as_text=True)
    assert "No opinion has been signed yet" in text
    assert "being counted for the first time" in text
    assert "<svg xmlns" not in text


def test_every_figure_has_its_picture_or_says_why_not_its_table_and_its_file(
    signed_in: SignedIn, lived: World
) -> None:
    ada = signed_in("Ada")
    text = ada.get("/figures").get_data(as_text=True)
    assert "13 opinions" in text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert text.count('role="img" aria-labelledby="chart-') >= 5
    assert "claim of the source document, without reference" in text
    assert "up to date" in text
    for name in TABLES:
        assert f'id="{name}"' in text
        answer = ada.get(f"/figures/{name}.csv")
        assert answer.mimetype == "text/csv"
        header, *rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))
        assert len(header) > 2
        assert all(len(row) == len(header) for row in rows)
    assert ada.get("/figures/secrets.csv").status_code == 404


def test_a_coordinator_sees_their_own_hospitals_only_whatever_the_address_says(
    signed_in: SignedIn, lived: World
) -> None:
    clara, omar = signed_in("Clara"), signed_in("Omar")
    assert "12 opinions" in said(clara.get("/figures").get_data(as_text=True))
    assert "1 opinion<" in said(omar.get("/figures").get_data(as_text=True))
    there = {"hospital": lived.hospital.id}
    text = omar.get("/figures", **there).get_data(as_text=True)
    assert "No opinion fits these filters" in text
    assert "Riverside" not in text
    lines = omar.get("/figures/reversals.csv", **there).get_data(as_text=True).splitlines()
    assert lines[1].startswith("all,All,0,0,")


def test_panels_of_one_mind_are_drawn_as_a_share_beside_their_kappa(
    signed_in: SignedIn, small_world: World, today: datetime
) -> None:
    for verdict in ["resectable_now"] * 9 + ["not_resectable_here"] * 3:
        panel(small_world, ["resectable_now", "resectable_now", verdict])
    caught_up(small_world.db, today)
    text = said(signed_in("Ada").get("/figures").get_data(as_text=True))
    assert '<title id="chart-agreement-title">Panels of one mind</title>' in text
    assert "Pancreas (ductal adenocarcinoma): 9 of 12; All: 9 of 12</desc>" in text
    assert "Fleiss’ kappa" in text


def said(text: str) -> str:
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_filters_stand_in_the_address_and_in_the_files(signed_in: SignedIn, lived: World) -> None:
    ada = signed_in("Ada")
    text = ada.get("/figures", cancer="liver", since="2020-01-01").get_data(as_text=True)
    assert "1 opinion<" in said(text)
    assert "/figures/reversals.csv?cancer=liver&amp;since=2020-01-01" in text
    refused = ada.get("/figures", since="1.1.2026", until="x").get_data(as_text=True)
    assert "Write the date as 2026-11-20" in refused
    assert "13 opinions" in said(refused)


def test_small_numbers_are_counts_only(signed_in: SignedIn, lived: World) -> None:
    ada = signed_in("Ada")
    text = ada.get("/figures").get_data(as_text=True)
    assert "too few for a share" in text
    assert ">few</span>" in text


@pytest.mark.parametrize("name", ["Lena", "Otto"])
def test_surgeons_and_links_see_no_figures(
    signed_in: SignedIn,
    visitor: Callable[[str], tuple[Browser, str]],
    lived: World,
    name: str,
) -> None:
    somebody = signed_in(name)
    for address in ("/figures", "/figures/reversals.csv", "/figures/research"):
        assert somebody.get(address).status_code == 403
    browser, _ = visitor("hospital")
    assert browser.get("/figures").status_code == 401


def test_only_an_administrator_exports(signed_in: SignedIn, lived: World) -> None:
    clara = signed_in("Clara")
    assert "Research export" not in clara.get("/figures").get_data(as_text=True)
    assert clara.get("/figures/research").status_code == 403
    assert clara.post("/figures/research", k="5").status_code == 403


def test_an_export_is_asked_for_made_read_and_stands_in_the_trail(
    signed_in: SignedIn, lived: World, settings: Settings, app: Flask
) -> None:
    ada = signed_in("Ada")
    assert "Nothing was exported yet" in ada.get("/figures/research").get_data(as_text=True)
    refused = ada.post("/figures/research", k="2", since="1.1.")
    assert refused.status_code == 422
    assert "Give a number from 5 to 100." in refused.get_data(as_text=True)
    text = ada.post("/figures/research", k="5", cancer="pancreas").get_data(as_text=True)
    assert "Being made" in text
    [export] = exported(lived.db)
    assert ada.get(f"/figures/research/{export}.zip").status_code == 404
    errand = Errand(settings)
    for _ in range(2):
        # As after a process that died over it: it is made once.
        export_research(errand, {"export_id": export})
    errand.archive.close()
    errand.db.dispose()
    assert "Save (" in ada.get("/figures/research").get_data(as_text=True)
    answer = ada.client.get(f"/figures/research/{export}.zip")
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as archive:
        manifest = json.loads(archive.read("margin-research/manifest.json"))
    answer.close()
    assert manifest["cases"] == 12
    assert ada.get("/figures/research/nothing.zip").status_code == 404
    with lived.db.reading() as session:
        lines = [one for one in audit.newest(session) if one.action == "research.export"]
    assert {(one.actor.split()[0], one.outcome) for one in lines} >= {
        ("admin", "done"),
        ("worker", "done"),
        ("admin", "allowed"),
    }
    assert sum(one.actor == "worker" for one in lines) == 1


def exported(db: Database) -> list[str]:
    with db.reading() as session:
        return [one.id for one in exports(session)]
