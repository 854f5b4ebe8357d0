"""A database of any version before comes up to date with what is in it, and the way down works as well."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from server.access.codes import ask_for_code
from server.access.records import SignIn
from server.foundation import audit
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.migrations import configuration
from server.intake.records import Arrival, ArrivalSender
from server.intake.uploads.kinds import DIRECTORY
from server.intake.uploads.queries import missing_of_discs, outcomes
from server.intake.uploads.records import Upload, UploadEntry
from server.people.records import Person
from tests.world import World

FIRST = 1
NEWEST = int(ScriptDirectory.from_config(configuration("")).get_current_head() or 0)


def rows(db: Database) -> dict[str, int]:
    names = inspect(db.engine).get_table_names()
    with db.reading() as session:
        return {name: session.scalar(text(f'SELECT COUNT(*) FROM "{name}"')) or 0 for name in names}


@pytest.fixture
def filled(world: World) -> Database:
    """What refers to what, in the tables that were there from the first version on."""
    now = utc_now()
    with world.db.writing() as session:
        ask_for_code(session.get_one(Person, world.admin.id))
        arrival = Arrival(
            orthanc_id="o",
            StudyInstanceUID="1.2.3",
            case_id=world.inside.id,
            first_seen_at=now,
            changed_at=now,
        )
        session.add(arrival)
        session.flush()
        sender = ArrivalSender(
            arrival_id=arrival.id,
            calling_aet="RIVERSIDE",
            remote_address="",
            instances=1,
            first_seen_at=now,
        )
        begun = SignIn(
            secret_sha256="0" * 64, person_id=world.admin.id, begun_at=now, expires_at=now
        )
        session.add_all([sender, begun])
        audit.append(session, actor="a", action="b", object_="c", outcome="done", now=now)
    return world.db


def test_step_by_step_down_and_up_again_nothing_of_the_first_version_is_lost(
    filled: Database,
) -> None:
    before, url = rows(filled), filled.url
    filled.engine.dispose()
    for version in range(NEWEST - 1, FIRST - 1, -1):
        command.downgrade(configuration(url), f"{version:04}")
    first = rows(filled)
    filled.engine.dispose()
    for version in range(FIRST + 1, NEWEST + 1):
        command.upgrade(configuration(url), f"{version:04}")
    after = rows(filled)
    assert {name: before[name] for name in first} == first
    assert {name: after[name] for name in first} == first
    assert set(after) == set(before)
    with filled.reading() as session:
        assert audit.verify(session).whole
        kept = session.query(Person).filter(Person.totp_secret.is_not(None)).one()
        assert kept.totp_last_step is None


def test_what_somebody_deleted_by_hand_keeps_no_database_from_coming_up_to_date(
    filled: Database,
) -> None:
    if not filled.is_sqlite:
        pytest.skip("PostgreSQL does not let it come to that")
    command.downgrade(configuration(filled.url), "0018")
    with filled.engine.connect() as connection:
        bare = connection.connection.driver_connection
        assert bare is not None
        bare.execute("PRAGMA foreign_keys=OFF")
        bare.execute("DELETE FROM arrival")
        bare.execute("PRAGMA foreign_keys=ON")
    filled.engine.dispose()
    command.upgrade(configuration(filled.url), "head")
    assert "stranger_tally" in inspect(filled.engine).get_table_names()


def test_what_was_said_of_discs_is_read_off_its_sentences_and_said_as_before(
    filled: Database, world: World
) -> None:
    named = ("", "A2", "\n".join(f"D/I{number}" for number in range(5)))
    now = utc_now()
    with filled.writing() as session:
        sent = Upload(
            case_id=world.inside.id,
            state="done",
            name="disc.zip",
            size_bytes=1,
            sender="Riverside",
            begun_at=now,
            expires_at=now,
        )
        session.add(sent)
        session.flush()
        for place, (files, names) in enumerate(zip((0, 1, 7), named, strict=True)):
            entry = UploadEntry(
                upload_id=sent.id,
                place=place,
                name=f"{place}/DICOMDIR",
                outcome="left_out",
                reason=DIRECTORY,
                missing_files=files,
                missing_named=names,
                at=now,
            )
            session.add(entry)

    def said() -> list[list[str]]:
        with filled.reading() as session:
            asked = (missing_of_discs, outcomes)
            return [sorted(one.reason for one in ask(session, world.inside.id)) for ask in asked]

    before, url = said(), filled.url
    filled.engine.dispose()
    command.downgrade(configuration(url), "0019")
    with filled.reading() as session:
        old = set(session.scalars(text("SELECT reason FROM upload_entry")))
    assert old == {
        DIRECTORY,
        f"{DIRECTORY} It lists 1 file that did not come: A2.",
        f"{DIRECTORY} It lists 7 files that did not come: D/I0, D/I1, D/I2, D/I3, D/I4 (+2).",
    }
    filled.engine.dispose()
    command.upgrade(configuration(url), "head")
    assert said() == before
    assert len(before[0]) == 2
    with filled.reading() as session:
        kept = session.query(UploadEntry).order_by(UploadEntry.place).all()
        assert [one.reason for one in kept] == [DIRECTORY] * 3
        assert tuple(one.missing_named for one in kept) == named
