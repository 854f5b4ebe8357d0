"""A case with everything that a hospital can meet after the opinion, whoever typed marked by a tilde."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from server.answers import actions as answers
from server.answers.points import STANDINGS
from server.cases import actions as cases
from server.cases.aftercare import actions as aftercare
from server.cases.aftercare import in_person_actions
from server.cases.aftercare.in_person import NEEDS, Standing
from server.cases.aftercare.reassessing import REMINDED
from server.cases.records import Case
from server.foundation.clock import utc_now
from server.intake.arrivals.decisions import attach
from server.opinions.records import IssuedOpinion
from server.people.records import Person
from server.prepared import actions as preparing
from server.prepared.manifest import Manifest, PreparedInstance
from tests.web.studies import arrival
from tests.world import INSIDE_STUDY, World

CLARA = "coordinator Clara"
POINTER = "/vessels/sma/contact_deg"


def unreadable_images(session: Session, world: World) -> None:
    """Frames of three kinds of damage, and a series that is too large to be prepared."""
    uid, now = "1.2.826.0.1.3680043.8.498.77", utc_now()
    series = {"SeriesInstanceUID": f"{uid}.1", "Modality": "CT", "SeriesDescription": "~portal"}
    found = arrival(
        session,
        world,
        now,
        StudyDescription="~abdomen",
        series=[{**series, "SeriesNumber": "2", "instances": 3}],
    )
    attach(session, found, session.get_one(Case, world.inside.id), by=CLARA, now=now)
    problems = (
        "It ends early: 300 of 524288 bytes are there.",
        "Its file cannot be read (InvalidDicomError).",
        "It is a video: it has no single frames.",
    )
    damaged = tuple(
        PreparedInstance(f"{uid}.1.{place}", "", "", "", 1, frame_bytes=(0,), problem=one)
        for place, one in enumerate(problems, 1)
    )
    manifest = Manifest(uid, f"{uid}.1", "", len(damaged), "", {}, instances=damaged)
    preparing.note_prepared(session, manifest, now)
    too_large = "This series alone is larger than all prepared images may be."
    preparing.note_failed(session, uid, f"{uid}.2", too_large, now)


def newest(session: Session, case: Case) -> IssuedOpinion:
    opinions = session.query(IssuedOpinion).filter_by(case_id=case.id)
    return max(opinions, key=lambda one: one.number)


def compared(session: Session, case: Case) -> None:
    """Points of every standing; of two that were asked back on, one is answered by an addendum."""
    now, opinion = utc_now(), newest(session, case)
    case.local_verdict, case.local_verdict_reason = "~Unresectable", "~Contact"
    added = answers.add_points(session, case, ["~a", "~b", "~c", "~d"], by=CLARA, now=now)
    for kept, standing in zip(added, STANDINGS, strict=False):
        said = answers.Compared(kept.local_text, "~second", standing, POINTER)
        answers.compare(
            session,
            kept,
            said,
            opinion=opinion,
            pointers=frozenset([POINTER]),
            seen_version=kept.version,
            by=CLARA,
            now=now,
        )
    asked = [answers.ask_back(session, case, one, "~Why?", by="~Ann", now=now) for one in added[:2]]
    addendum = answers.sign_addendum(
        session,
        case,
        opinion,
        text="~So",
        question_ids=[asked[0].id],
        signing=answers.Signing("~Ada", "nobody", "~Centre", "0" * 64),
        now=now,
    )
    answers.note_printed(session, addendum.id, "0" * 64, now)


def planned(session: Session, case: Case) -> None:
    """A reassessment planned for a day, and planned anew after cycles."""
    now, number = utc_now(), newest(session, case).number
    for one in (
        aftercare.Planned(due_on=now.date() + timedelta(days=40), opinion_number=number),
        aftercare.Planned(
            cycles=4,
            cycle_days=14,
            starts_on=now.date(),
            strategy="~FOLFIRINOX",
            remeasure=["~contact"],
            remind=list(REMINDED),
            opinion_number=number,
        ),
    ):
        aftercare.plan_reassessment(
            session, case, one, seen_version=case.version, by=CLARA, now=now
        )


def seen_in_person(session: Session, case: Case) -> None:
    """A visit of every standing, each with everything that a visit can need."""
    now, number = utc_now(), newest(session, case).number
    over = (Standing.DONE, Standing.NOT_NEEDED, Standing.DECLINED)
    for standing in (*over, Standing.SCHEDULED):
        asked = in_person_actions.request(
            session,
            case,
            in_person_actions.Wanted("~if", ["~CT"], list(NEEDS), opinion_number=number),
            by=CLARA,
            now=now,
        )
        in_person_actions.note(
            session,
            case,
            asked,
            in_person_actions.Noted(standing, on_day=now.date(), place="~Room", note="~Said"),
            seen_version=asked.version,
            by=CLARA,
            now=now,
        )


def begun(session: Session, case: Case, world: World) -> None:
    """The planned round begins with its study, and the surgeon has the case again."""
    now = utc_now()
    cases.attach_study(session, case, f"{INSIDE_STUDY}.7", by="feed", reason="matched", now=now)
    cases.declare_records_complete(session, case, case.version, now)
    surgeon = session.get_one(Person, world.surgeon.id)
    cases.assign(session, case, surgeon, seen_version=case.version, by=CLARA, now=now)
