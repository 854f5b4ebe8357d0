"""The de-identified export: nobody is in it, the same query gives the same, and it can be read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import String, Text, inspect, select, text

from server.annotations.queries import signed_revisions
from server.cases.local_category import state_local_category
from server.cases.records import Case
from server.cli import main
from server.dossier import requests
from server.dossier.records import PatientConsent
from server.figures.exporting import make_export, read_query, request_export
from server.figures.research import Made, Query, query_of_json
from server.foundation.db import Base
from server.foundation.errors import Invalid
from server.opinions import actions as opinions
from server.outcomes.actions import enter_outcome
from server.outcomes.entered import Outcome
from server.outcomes.queries import outcome_entries
from tests.figures.lives import BEGUN, DAY, Lived, live
from tests.opinions import samples
from tests.world import World

KEY = "a key for tests only, nothing else"
NOW = BEGUN + 300 * DAY
PLANTED = "PLANTED^JANE"
PLANTED_DAY = "1931-07-19"
OPERATED = Outcome(
    course="operated",
    operated_on=date(2026, 4, 20),
    place_name=PLANTED,
    resection_margin="R1",
    flr_after_ml=612.0,
    flr_method="ct_volumetry",
    note=PLANTED,
)
# What is written here is the program's own, not a person's.
CODES = {
    *("state", "organ", "tier", "event", "from_state", "to_state", "course", "place", "operation"),
    *("resection_margin", "complication_grade", "converted", "conversion_therapy", "category"),
    *("not_operated_reason", "vital_status", "flr_method", "entered_as", "verdict", "cause"),
    *("waits_for", "asker", "cancer", "role", "how", "country", "calendar", "language", "ae_title"),
    *("held_from", "version_num", "status"),
}  # fmt: skip


def contents(made: Made) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        return {name.split("/")[1]: archive.read(name) for name in archive.namelist()}


def lines(made: Made, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(contents(made)[name].decode())))


def many(world: World, count: int = 5, **more: Any) -> list[Case]:
    with world.db.writing() as session:
        lives = [Lived(**{"outcome": OPERATED, **more}) for _ in range(count)]
        return [live(session, world.hospital, world.surgeon, life) for life in lives]


def exported(world: World, query: Query, key: str = KEY) -> Made:
    with world.db.reading() as session:
        return make_export(session, query, key)


def test_the_same_query_gives_the_same_bytes_whatever_happens_afterwards(world: World) -> None:
    [case, *_] = many(world)
    query = Query(NOW)
    first = exported(world, query)
    with world.db.writing() as session:
        found = session.get_one(Case, case.id)
        state_local_category(session, found, "borderline", by="x", now=NOW + DAY)
        corrected = Outcome(course="not_operated", not_operated_reason="unfit")
        seen = len(outcome_entries(session, case.id))
        enter_outcome(
            session,
            found,
            corrected,
            seen_number=seen,
            by="x",
            entered_as="hospital",
            now=NOW + DAY,
        )
        live(session, world.hospital, world.surgeon, Lived(opened_at=NOW + DAY))
    again = exported(world, query)
    assert again.content == first.content
    later = exported(world, Query(NOW + 90 * DAY))
    assert later.case_count + later.withheld_count == 6
    assert later.content_sha256 != first.content_sha256
    asked = query_of_json(json.loads(json.dumps(query.to_json())))
    assert asked == query


def test_pseudonyms_cannot_be_joined_across_exports_or_guessed_without_the_key(
    world: World,
) -> None:
    cases = many(world)
    here = {line["case"] for line in lines(exported(world, Query(NOW)), "cases.csv")}
    there = {line["case"] for line in lines(exported(world, Query(NOW, k=6 - 1)), "cases.csv")}
    other = {line["case"] for line in lines(exported(world, Query(NOW + DAY)), "cases.csv")}
    foreign = {line["case"] for line in lines(exported(world, Query(NOW), "else"), "cases.csv")}
    assert here == there
    assert len(here) == 5
    assert not here & other
    assert not here & foreign
    for case in cases:
        assert hashlib.sha256(case.id.encode()).hexdigest()[:20] not in here


def test_nothing_that_a_person_wrote_and_no_identifier_leaves(
    world: World, plant: Callable[[], list[str]]
) -> None:
    cases = many(world, answers={"prior_therapy": PLANTED, "limits": PLANTED})
    with world.db.writing() as session:
        for case in session.scalars(select(Case)):
            asked = requests.Asked(asker_name=PLANTED, first_centre=PLANTED, reason_note=PLANTED)
            requests.describe_request(session, case, asked, by=PLANTED, now=BEGUN)
    touched = plant()
    assert {"hospital.name", "person.name", "review_case.question", "outcome_entry.note"} <= set(
        touched
    )
    made = exported(world, Query(NOW))
    assert made.case_count == 5
    text_of_all = b"\n".join(contents(made).values()).decode()
    assert "PLANTED" not in text_of_all
    assert PLANTED_DAY not in text_of_all
    for case in cases:
        assert case.id not in text_of_all
    for secret in (world.hospital.id, world.surgeon.id, "M-2026"):
        assert secret not in text_of_all
    without_query = {name: held for name, held in contents(made).items() if name != "manifest.json"}
    assert b"2026-0" not in b"".join(without_query.values())


@pytest.fixture
def plant(world: World) -> Callable[[], list[str]]:
    """Write a name into every column that holds text of people; gives which were touched."""

    def do() -> list[str]:
        touched = []
        keys = {
            f"{table.name}.{column.name}"
            for table in Base.metadata.tables.values()
            for column in table.columns
            if column.primary_key or column.foreign_keys
        }
        with world.db.engine.begin() as connection:
            known = set(inspect(connection).get_table_names())
            for table in Base.metadata.tables.values():
                if table.name not in known or table.name in ("audit_line", "job", "revision"):
                    continue
                for column in table.columns:
                    name = f"{table.name}.{column.name}"
                    is_text = isinstance(column.type, String | Text)
                    narrow = isinstance(column.type, String) and (column.type.length or 99) < 40
                    if not is_text or narrow or name in keys or column.name in CODES:
                        continue
                    value = ":planted || ' ' || id" if column.unique else ":planted"
                    statement = text(f"UPDATE {table.name} SET {column.name} = {value}")
                    try:
                        with connection.begin_nested():
                            connection.execute(statement, {"planted": PLANTED})
                    except Exception:  # what may never be altered is not ours to plant into
                        continue
                    touched.append(name)
        return touched

    return do


def test_days_are_intervals_from_complete_records_and_numbers_stay_exact(world: World) -> None:
    many(world, findings=("resectable",))
    made = exported(world, Query(NOW))
    line = lines(made, "cases.csv")[0]
    # Opened on 2 March, complete on the 4th, signed on the 9th, operated on 20 April.
    expected = {
        "day_zero": "records_complete",
        "opened_d": "-2",
        "assigned_d": "1",
        "signed_d": "5",
        "operated_d": "47",
        "promise_h": "120",
        "kept_promise": "true",
        "local_category": "unresectable",
        "verdict": "resectable_now",
        "verdict_change": "changed",
        "finding_resectable": "true",
        "finding_trial": "false",
        "resection_margin": "R1",
        "flr_after_ml": "612.0",
        "half_year": "2026-H1",
        "country": "GB",
        "complication_grade": "",
    }
    assert {name: line[name] for name in expected} == expected
    answers = {(one["field"], one["value"]) for one in lines(made, "answers.csv")}
    assert ("/verdict", "resectable_now") in answers
    assert ("/vessels/sma/contact_deg", "0") in answers


def test_every_field_is_described_and_every_hash_is_right(world: World) -> None:
    many(world)
    made = exported(world, Query(NOW))
    held = contents(made)
    described = {(one["file"], one["field"]): one for one in lines(made, "dictionary.csv")}
    for name in lines(made, "cases.csv")[0]:
        assert described["cases.csv", name]["meaning"]
    for one in lines(made, "answers.csv"):
        assert described["answers.csv", one["organ"] + one["field"]]["source"].startswith("form ")
    manifest = json.loads(held["manifest.json"])
    assert set(manifest["sha256"]) == set(held) - {"manifest.json"}
    for name, sha256 in manifest["sha256"].items():
        assert hashlib.sha256(held[name]).hexdigest() == sha256
    as_json = json.loads(held["cases.json"])
    assert len(as_json) == manifest["cases"] == 5
    assert as_json[0]["answers"]["/verdict"] == "resectable_now"


def test_fhir_observations_are_of_nobody_and_keep_their_codes(world: World) -> None:
    cases = many(world)
    with world.db.writing() as session:
        for case in cases:
            [revision] = signed_revisions(session, case.id)
            opinion = replace(
                samples.PANCREAS,
                number=f"{case.number}-O1",
                case_number=case.number,
                patient=PLANTED,
                hospital_name=PLANTED,
                verdict_reason=PLANTED,
                conditions=(PLANTED,),
            )
            opinions.issue(
                session,
                opinion,
                case_id=case.id,
                revision_id=revision.id,
                StudyInstanceUID="1.2.3.4.5",
                now=BEGUN + 7 * DAY,
            )
    made = exported(world, Query(NOW, fhir=True))
    assert exported(world, Query(NOW, fhir=True)).content == made.content
    text_of_all = contents(made)["observations.ndjson"].decode()
    bundles = [json.loads(line) for line in text_of_all.splitlines()]
    pseudonyms = {line["case"] for line in lines(made, "cases.csv")}
    assert {one["identifier"]["value"] for one in bundles} == pseudonyms
    kinds = [entry["resource"]["resourceType"] for one in bundles for entry in one["entry"]]
    assert set(kinds) == {"Patient", "Observation"}
    assert kinds.count("Observation") > 5 * len(bundles)
    assert '"valueQuantity":{"code":"deg"' in text_of_all
    unwanted = ("text", "note", "performer", "display", "effectiveDateTime", "timestamp", "issued")
    for secret in ("PLANTED", "1.2.3.4.5", *(f'"{one}"' for one in unwanted)):
        assert secret not in text_of_all, secret


def test_small_groups_and_revoked_consents_are_left_out(world: World) -> None:
    kept = many(world, 6)
    with world.db.writing() as session:
        live(
            session,
            world.other_hospital,
            world.other_surgeon,
            Lived(organ="liver", example="crlm-right-adequate"),
        )
    made = exported(world, Query(NOW))
    assert (made.case_count, made.withheld_count) == (6, 1)
    with world.db.writing() as session:
        session.add(
            PatientConsent(
                case_id=kept[0].id,
                given_on=date(2026, 3, 2),
                how="written",
                recorded_by="x",
                recorded_at=BEGUN,
                revoked_at=NOW + DAY,
                revoked_by="x",
                revoked_why="x",
            )
        )
    made = exported(world, Query(NOW))
    assert made.case_count == 5
    manifest = json.loads(contents(made)["manifest.json"])
    assert manifest["left_out_for_revoked_consent"] == 1
    # Of a period that does not ask for the case, its consent is not counted either.
    elsewhere = exported(world, Query(NOW, until=date(2026, 1, 1)))
    assert json.loads(contents(elsewhere)["manifest.json"])["left_out_for_revoked_consent"] == 0


def test_answers_do_not_tell_the_kind_of_cancer_where_the_guard_hides_it(world: World) -> None:
    with world.db.writing() as session:
        for cancer, count in (("liver-crlm", 3), ("liver-hcc", 2)):
            for _ in range(count):
                life = Lived(organ="liver", example="crlm-right-adequate")
                case = live(session, world.hospital, world.surgeon, life)
                asked = requests.Asked(cancer=cancer)
                requests.describe_request(session, case, asked, by="x", now=BEGUN)
    made = exported(world, Query(NOW))
    assert {(one["cancer"], one["half_year"]) for one in lines(made, "cases.csv")} == {("*", "*")}
    assert lines(made, "answers.csv") == []
    assert b"crlm" not in contents(made)["cases.json"]


def test_a_query_narrows_by_cancer_and_period(world: World) -> None:
    many(world)
    for query, count in (
        (Query(NOW, cancer="pancreas"), 5),
        (Query(NOW, cancer="lung"), 0),
        (Query(NOW, since=date(2026, 3, 9), until=date(2026, 3, 9)), 5),
        (Query(NOW, since=date(2026, 3, 10)), 0),
        (Query(BEGUN + 3 * DAY), 0),
    ):
        assert exported(world, query).case_count == count, query


@pytest.mark.parametrize(
    "typed",
    [
        {"cancer": "elbow"},
        {"k": "4"},
        {"k": "a"},
        {"k": "9" * 40},
        {"as_of": "yesterday"},
        {"as_of": "2099-01-01 00:00:00"},
        {"as_of": "0001-01-01 00:00:00+14:00"},
        {"since": "1.1.2026"},
    ],
)
def test_a_query_that_cannot_be_is_refused_with_its_field(
    typed: dict[str, str], now: datetime
) -> None:
    with pytest.raises(Invalid) as caught:
        read_query(typed, now)
    assert [one.pointer for one in caught.value.problems] == [f"/{next(iter(typed))}"]


def test_an_export_is_asked_for_once_and_made_by_a_job(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        export = request_export(session, read_query({}, now), by="admin Ada", now=now)
        assert export.state == "making"
        assert export.query["as_of"].startswith("2026-11-20T09:30:00")


def test_the_command_writes_an_export_and_proves_that_it_comes_out_the_same(
    sqlite_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(sqlite_world)
    monkeypatch.setenv("MARGIN_DATABASE_URL", sqlite_world.db.url)
    monkeypatch.setenv("MARGIN_SECRET_KEY", KEY)
    monkeypatch.setenv("MARGIN_ORTHANC_PASSWORD", "a password for tests")
    as_of = (NOW - timedelta(days=100)).strftime("%Y-%m-%d %H:%M:%S")
    command = ["export-research", "--home", str(tmp_path), "--as-of", as_of]
    said = []
    for name in ("one.zip", "two.zip"):
        done = CliRunner().invoke(main, [*command, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        said.append(done.output.split("content ")[1])
    assert said[0] == said[1]
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    refused = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "x.zip"), "--k", "1"])
    assert refused.exit_code == 1
    assert "from 5 to 100" in refused.output
    assert not (tmp_path / "x.zip").exists()
