"""Fills the demo world: people, cases, studies by C-STORE, links. Doing it again does no harm."""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.access.action import Permit
from server.access.actions import issue_grant, revoke_grant, set_password
from server.access.queries import grants_of_case
from server.archive import Archive
from server.cases import actions as cases
from server.cases.lifecycle import State
from server.cases.records import Case, CaseStudy
from server.demo import cast
from server.demo.afterwards import DemoPress, fill_afterwards, share_again
from server.demo.cast import DemoCase, DemoHospital, DemoPerson
from server.demo.conversation import fill_conversation
from server.demo.history import count_again, fill_history
from server.demo.panel import ACCESSION_NUMBER as PANEL_ACCESSION_NUMBER
from server.demo.panel import fill_panel
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.demo.programs import fill_programs
from server.demo.records import fill_records
from server.demo.routing import fill_routing
from server.demo.segmentations import segment
from server.dicom.association import Peer
from server.dicom.sending import Summary, send
from server.foundation import audit
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.errors import Unavailable
from server.foundation.files import FileStore
from server.foundation.settings import Settings
from server.intake.lines.registering import register_lines
from server.intake.queries import arrivals_of_case
from server.opinions.seal_key import chosen_seal_key
from server.people import actions as people
from server.people.queries import hospitals, person_of_email
from server.people.records import Hospital, Person

DEMO = "demo"
PASSWORD_FILE = "demo-password"  # noqa: S105 - the name of a file, not a password
LINK_DAYS = 14
MATCHED_WITHIN = timedelta(seconds=120)
REVIEW = frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN})
HOSPITAL = frozenset({Permit.UPLOAD, Permit.DOWNLOAD})
Say = Callable[[str], None]


class DemoDidNotSettle(Unavailable):
    """The studies did not arrive at their cases in time."""


@dataclass(frozen=True)
class DemoLinks:
    """What the demo prints at its end: where to go, and as whom."""

    password: str
    links: tuple[tuple[str, str], ...]


def fill(settings: Settings, say: Say = print) -> DemoLinks:
    """Bring the demo world into being in a running Margin."""
    db = Database(settings.database_url)
    archive = Archive.of(settings)
    password = _password(settings.home)
    with db.writing() as session:
        _people(session, password)
        for demo_case in cast.CASES:
            _case(session, demo_case)
    with db.reading() as session:
        register_lines(session, archive)
    say("Two hospitals push their studies by C-STORE ...")
    _push_everything(settings, say)
    _wait_for_match(db, say)
    with db.writing() as session:
        files = FileStore(settings.files_dir)
        liver, pancreas = _case(session, cast.LIVER_CASE), _case(session, cast.PANCREAS_CASE)
        if fill_records(session, files, liver, pancreas, utc_now()):
            _record(session, "records.fill", liver)
            _record(session, "records.fill", pancreas)
        fill_routing(session, _case(session, cast.WAITING_CASE), utc_now())
        _assign(session)
        fill_conversation(
            session, _case(session, cast.LIVER_CASE), _case(session, cast.PANCREAS_CASE), utc_now()
        )
        fill_panel(session, utc_now())
        fill_history(session, utc_now())
        sealing = DemoPress(
            files, chosen_seal_key(settings, utc_now()), f"{settings.public_url}/verify"
        )
        answered = fill_afterwards(session, sealing, utc_now())
        shared = share_again(session, answered, settings.public_url, utc_now())
        key = fill_programs(session, cast.RIVERSIDE.name, by=DEMO, now=utc_now())
        links = (*_links(session, settings), shared, key)
    # By itself: the worker counts, too, and waits for the cases that were changed above.
    with db.writing() as session:
        count_again(session, utc_now())
    _push_phantom(settings, panel_phantom(), cast.HILLCREST, "pancreas phantom for the panel", say)
    archive.close()
    db.dispose()
    return DemoLinks(password, links)


def liver_phantom() -> Phantom:
    """The four-phase liver CT of the demo."""
    return Phantom("demo liver", AccessionNumber=cast.LIVER_CASE.accession_number)


def pancreas_phantom() -> Phantom:
    """The four-phase pancreas CT of the demo."""
    return Phantom(
        "demo pancreas",
        organ="pancreas",
        seed=2,
        PatientName="PHANTOM^PANCREAS",
        PatientID="PHANTOM-2",
        AccessionNumber=cast.PANCREAS_CASE.accession_number,
    )


def panel_phantom() -> Phantom:
    """Two phases for the case that is before the panel: without images nobody could vote."""
    return Phantom(
        "demo panel",
        organ="pancreas",
        seed=3,
        PatientName="PHANTOM^PANEL",
        PatientID="PHANTOM-3",
        AccessionNumber=PANEL_ACCESSION_NUMBER,
        StudyDescription="CT abdomen two phases (synthetic phantom)",
        phases=tuple(one for one in PHASES if one.name in ("arterial", "portal_venous")),
    )


def _password(home: Path) -> str:
    """The demo accounts' password: made once per home, readable by its owner only."""
    path = home / PASSWORD_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps(secrets.token_urlsafe(12)))
    return str(json.loads(path.read_text()))


def _people(session: Session, password: str) -> None:
    now = utc_now()
    for hospital in cast.HOSPITALS:
        if _hospital(session, hospital) is None:
            kept = people.register_hospital(
                session, name=hospital.name, country=hospital.country, now=now
            )
            people.register_line(
                session, kept, ae_title=hospital.ae_title, host="127.0.0.1", port=11112, now=now
            )
    for person in cast.PEOPLE:
        if person_of_email(session, person.email) is None:
            _person(session, person, password)


def _person(session: Session, demo: DemoPerson, password: str) -> None:
    person = people.add_person(
        session,
        name=demo.name,
        email=demo.email,
        role=demo.role,
        centre=demo.centre,
        subspecialty=demo.subspecialty,
        now=utc_now(),
    )
    set_password(person, password)
    hospital = _hospital(session, demo.hospital) if demo.hospital else None
    if hospital is not None:
        people.let_coordinate(session, person, hospital)


def _hospital(session: Session, demo: DemoHospital) -> Hospital | None:
    return next((found for found in hospitals(session) if found.name == demo.name), None)


def _case(session: Session, demo: DemoCase) -> Case:
    """The demo case, opened when it is not there yet."""
    known = session.scalar(select(Case).where(Case.accession_number == demo.accession_number))
    if known is not None:
        return known
    hospital = _hospital(session, demo.hospital)
    assert hospital is not None
    case = cases.open_case(
        session,
        organ=demo.organ,
        hospital=hospital,
        question=demo.question,
        local_verdict=demo.local_verdict,
        local_verdict_reason=demo.local_verdict_reason,
        accession_number=demo.accession_number,
        opened_by=DEMO,
        now=utc_now(),
    )
    _record(session, "case.open", case)
    return case


def _record(session: Session, action: str, case: Case) -> None:
    """The demo's deeds stand in the trail like everybody's."""
    audit.append(
        session,
        actor=DEMO,
        action=action,
        object_=f"case {case.number}",
        outcome="done",
        now=utc_now(),
        case_number=case.number,
    )


def _push_everything(settings: Settings, say: Say) -> None:
    with tempfile.TemporaryDirectory(prefix="margin-demo-") as name:
        folder = Path(name)
        for phantom, hospital in (
            (liver_phantom(), cast.RIVERSIDE),
            (pancreas_phantom(), cast.HILLCREST),
        ):
            study = folder / phantom.organ
            phantom.write(study)
            if phantom.organ == "liver":
                segment(phantom).save_as(study / "segmentation.dcm", enforce_file_format=True)
            _push(settings, study, hospital, f"{phantom.organ} phantom", say)
    if settings.sample_ct.is_dir():
        _push(settings, settings.sample_ct, cast.RIVERSIDE, "real liver CT", say)


def _push_phantom(
    settings: Settings, phantom: Phantom, hospital: DemoHospital, what: str, say: Say
) -> None:
    with tempfile.TemporaryDirectory(prefix="margin-demo-") as name:
        phantom.write(Path(name))
        _push(settings, Path(name), hospital, what, say)


def _push(settings: Settings, folder: Path, hospital: DemoHospital, what: str, say: Say) -> None:
    peer = Peer("127.0.0.1", settings.dicom_port, hospital.ae_title, settings.dicom_aet)
    summary: Summary = send(folder, peer, associations=2)
    say(
        f"  {hospital.name}: {what}, {summary.accepted} instances accepted"
        f" ({summary.instances_per_s:.0f}/s)"
        + (f", {len(summary.refused)} refused" if summary.refused else "")
    )


def _wait_for_match(db: Database, say: Say) -> None:
    """Wait until the worker has matched both phantoms to their cases."""
    say("Margin follows the archive and matches the studies to their cases ...")
    until = utc_now() + MATCHED_WITHIN
    wanted = {liver_phantom().StudyInstanceUID, pancreas_phantom().StudyInstanceUID}
    while utc_now() < until:
        with db.reading() as session:
            matched = set(session.scalars(select(CaseStudy.StudyInstanceUID)))
            settled = all(
                arrival.settled_at is not None
                for demo in (cast.LIVER_CASE, cast.PANCREAS_CASE)
                for arrival in arrivals_of_case(session, _case(session, demo).id)
            )
        if wanted <= matched and settled:
            return
        time.sleep(0.5)
    raise DemoDidNotSettle(
        "The studies were sent but not matched in time.",
        remedy="Look into the worker's log under the home's logs folder, then run it again.",
    )


def _assign(session: Session) -> None:
    now = utc_now()
    for demo in cast.CASES:
        case = _case(session, demo)
        if case.state == State.AWAITING_RECORDS and demo.surgeon:
            cases.declare_records_complete(session, case, case.version, now)
            _record(session, "case.advance", case)
        if case.state == State.READY and demo.surgeon:
            surgeon = _known(session, demo.surgeon)
            cases.assign(session, case, surgeon, seen_version=case.version, by=DEMO, now=now)
            _record(session, "case.assign", case)


def _known(session: Session, demo: DemoPerson) -> Person:
    person = person_of_email(session, demo.email)
    assert person is not None
    return person


def _links(session: Session, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Fresh links; those of an earlier run end, because a token cannot be shown twice."""
    now, links = utc_now(), []
    for demo in (cast.LIVER_CASE, cast.PANCREAS_CASE):
        case = _case(session, demo)
        for grant in grants_of_case(session, case.id):
            if grant.issued_by == DEMO and grant.revoked_at is None:
                revoke_grant(session, grant, by=DEMO, why="The demo was started again.", now=now)
                _record(session, "grant.revoke", case)
        assert demo.surgeon is not None
        surgeon = _known(session, demo.surgeon)
        for label, for_whom, permits, person in (
            (f"{surgeon.name}, {demo.organ} case {case.number}", surgeon.name, REVIEW, surgeon),
            (
                f"{demo.hospital.name}, {demo.organ} case {case.number}",
                demo.hospital.name,
                HOSPITAL,
                None,
            ),
        ):
            issued = issue_grant(
                session,
                case=case,
                for_whom=for_whom,
                permits=permits,
                days=LINK_DAYS,
                issued_by=DEMO,
                now=now,
                person=person,
            )
            _record(session, "grant.issue", case)
            links.append((label, f"{settings.public_url}/open#{issued.token}"))
    return tuple(links)
