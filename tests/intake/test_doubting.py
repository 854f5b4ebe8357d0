"""What raises a doubt, on either kind of database, and a feed that repeats and reorders."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from server.archive import Archive, Changes
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.intake.arrivals.candidates import candidates
from server.intake.arrivals.doubting import doubts, note_repeat
from server.intake.arrivals.feed import Feed
from server.intake.arrivals.identity import Identity, name_key
from server.intake.arrivals.matching import Guesses, Match, StudyFacts, match
from server.intake.queries import arrivals
from server.intake.records import Arrival, ArrivalSender, ReceivedInstance
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess
from tests.intake.conftest import QUIET, Clock, push, settle
from tests.world import World


def arrived(
    session: Session,
    now: datetime,
    uid: str,
    senders: tuple[str, ...] = ("RIVERSIDE",),
    **more: object,
) -> Arrival:
    """An arrival with an instance from each sender, whose UIDs and content its `uid` decides."""
    facts: dict[str, object] = {
        "orthanc_id": f"study {uid}",
        "StudyInstanceUID": uid,
        "state": "matched",
        "series": [],
        "instance_count": len(senders),
        "first_seen_at": now,
        "changed_at": now,
        "calling_aet": senders[0],
        **more,
    }
    found = Arrival(**facts)
    session.add(found)
    session.flush()
    for number, title in enumerate(senders):
        session.add(
            ArrivalSender(
                arrival_id=found.id,
                calling_aet=title,
                remote_address="",
                first_seen_at=now,
                instances=1,
            )
        )
        session.add(
            ReceivedInstance(
                orthanc_id=f"{uid} {number}",
                arrival_id=found.id,
                SOPInstanceUID=f"1.2.3.{number}",
                md5=uid,
                calling_aet=title,
                received_at=now,
            )
        )
    session.flush()
    return found


def codes(session: Session, found: Arrival) -> list[str]:
    return [doubt.code for doubt in doubts(session, found, {})]


def test_the_later_of_two_studies_with_the_same_uids_is_doubted(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        first = arrived(session, now, "1.1")
        again = arrived(session, now + timedelta(minutes=1), "1.2")
        part = arrived(session, now + timedelta(minutes=2), "1.3", split_from=again.id)
        assert codes(session, first) == []
        assert codes(session, again) == ["copied_uids"]
        [doubt] = doubts(session, again, {})
        assert "1 image of them with other content" in doubt.text
        again.allowed = [doubt.key]
        assert codes(session, again) == []
        session.delete(session.get_one(ReceivedInstance, "1.1 0"))
        session.flush()
        assert codes(session, part) == []


def test_two_hospitals_in_one_study_are_doubted_and_margin_itself_is_not(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        assert codes(session, arrived(session, now, "2.1", ("RIVERSIDE", ""))) == []
        mixed = arrived(session, now, "2.2", ("RIVERSIDE", "HILLCREST"))
        assert "mixed_senders" in codes(session, mixed)


def test_a_study_uid_under_another_patient_id_is_doubted(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        session.add(
            Arrival(
                orthanc_id="a",
                StudyInstanceUID="3.1",
                PatientID="A",
                first_seen_at=now,
                changed_at=now,
            )
        )
        twin = Arrival(
            orthanc_id="b",
            StudyInstanceUID="3.1",
            PatientID="B",
            first_seen_at=now + timedelta(seconds=1),
            changed_at=now,
        )
        session.add(twin)
        session.flush()
        assert codes(session, twin) == ["same_study_uid"]


def test_a_repeat_is_counted_and_doubted(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        found = arrived(session, now, "4.1", settled_at=now)
        for _ in range(2):
            note_repeat(
                session,
                instance_id="4.1 0",
                study_id="study 4.1",
                md5="other",
                sender="RIVERSIDE",
                now=now,
            )
        assert (found.state, found.settled_at) == ("receiving", None)
        assert codes(session, found) == ["other_content"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"AccessionNumber": "acc-riverside"}, Match),
        ({"StudyDescription": "for {number}"}, Match),
        ({"PatientID": "P-7"}, Guesses),
        ({"PatientBirthDate": "19611204"}, Guesses),
        ({"PatientName": "MUELLER^ROSA"}, Guesses),
    ],
)
def test_a_case_is_found_by_each_of_its_keys(
    world: World, now: datetime, said: dict[str, str], kind: type
) -> None:
    with world.db.writing() as session:
        arrived(
            session,
            now,
            "5.1",
            case_id=world.inside.id,
            PatientID="P-7",
            PatientName="Müller^Rosa",
            name_key=name_key("Müller^Rosa"),
            PatientBirthDate="19610412",
        )
        facts = StudyFacts(
            **{
                "AccessionNumber": "",
                "StudyDescription": "",
                "StudyID": "",
                "PatientID": "",
                **{key: text.format(number=world.inside.number) for key, text in said.items()},
            },
            hospital_id=world.hospital.id,
        )
        found = candidates(session, facts, now)
        assert [one.number for one in found] == [world.inside.number]
        assert found[0].patients == (Identity("Müller^Rosa", "19610412", "", "P-7"),)
        assert isinstance(match(facts, found), kind)
        assert candidates(session, facts, now, but=[world.inside.id]) == []


class UnrulyArchive(Archive):
    """The real archive, whose feed says everything again and in any order."""

    chance = random.Random(5)

    def changes(self, since: int, limit: int = 100) -> Changes:
        page = super().changes(max(0, since - 50), limit)
        said = [*page.changes, *page.changes]
        self.chance.shuffle(said)
        return Changes(tuple(said), page.last, page.done)


@pytest.mark.orthanc
def test_a_feed_that_repeats_and_reorders_doubles_nothing(
    sqlite_world: World,
    orthanc: OrthancProcess,
    feed: Feed,  # registers the lines
    clock: Clock,
    tmp_path: Path,
) -> None:
    unruly = UnrulyArchive(orthanc.url, USER, PASSWORD)
    follower = Feed(sqlite_world.db, unruly, clock, QUIET)
    for number in range(3):
        phantom = Phantom(f"unruly {number}", slices=4, rows=32, phases=PHASES[:2], PatientID="P")
        phantom.write(tmp_path / str(number))
        push(orthanc, tmp_path / str(number))
        settle(follower, clock)
    clock.forward(minutes=2)
    settle(follower, clock)
    unruly.close()
    with sqlite_world.db.reading() as session:
        found = arrivals(session, None)
        assert len(found) == 3
        assert [one.instance_count for one in found] == [8, 8, 8]
        assert session.query(ReceivedInstance).count() == 24
