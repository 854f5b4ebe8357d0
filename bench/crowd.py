"""A database as it is after years: cases, studies, every instance of them, jobs and the audit trail.

Rows are written in bulk (`bench.bulk`) with the values that the program's own actions would have written.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table

from bench.bulk import Row, identifier, orthanc_id, tell_the_planner, uid, write
from server.access import tokens
from server.access.action import Permit
from server.access.records import Grant, Launch
from server.cases.records import Assignment, Case, CaseStudy
from server.foundation.audit import GENESIS, AuditLine
from server.foundation.db import Database
from server.foundation.jobs import Job
from server.intake.records import Arrival, ArrivalSender, FeedCursor, ReceivedInstance
from server.people.records import Coordination, Hospital, HospitalLine, Person
from server.prepared.actions import PREPARE_SERIES
from server.prepared.records import PreparedSeries

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOSPITALS, SURGEONS, SERIES = 20, 40, 5
GRANTS, LAUNCHES, AUDIT_LINES = 2, 6, 100  # per case
CT = "1.2.840.10008.5.1.4.1.1.2"
# One case in ten is in work; the rest was closed long ago.
IN_WORK = ("open", "awaiting_records", "ready", "assigned", "in_review")


@dataclass(frozen=True)
class Crowd:
    """How many, and who a few of them are."""

    cases: int
    slices: int

    def token(self, case: int) -> str:
        """The access token of a case's first grant."""
        return "mgn_" + hashlib.sha256(f"token {case}".encode()).hexdigest()[:43]

    def study(self, case: int) -> str:
        return uid("study", case)

    def orthanc_id(self, case: int) -> str:
        return orthanc_id("study", case)

    def case_id(self, case: int) -> str:
        return identifier("case", case)

    def launch(self, case: int) -> tuple[str, str]:
        """The id of a visit to a case, and the secret of its cookie."""
        return identifier("launch", case, 0)[:24], f"secret of {case}"


def fill(db: Database, crowd: Crowd) -> int:
    """Write it all; how many rows."""
    rows = 0
    for record, made in (
        (Hospital, hospitals()),
        (HospitalLine, lines()),
        (Person, people()),
        (Coordination, coordination()),
        (Case, cases(crowd)),
        (CaseStudy, studies(crowd)),
        (Assignment, assignments(crowd)),
        (Grant, grants(crowd)),
        (Launch, launches(crowd)),
        (Arrival, arrivals(crowd)),
        (ArrivalSender, senders(crowd)),
        (ReceivedInstance, instances(crowd)),
        (PreparedSeries, prepared(crowd)),
        (Job, preparations(crowd)),
        (AuditLine, audit_lines(crowd)),
        (FeedCursor, iter([_cursor()])),
    ):
        table = record.__table__
        assert isinstance(table, Table)
        rows += write(db, table, made)
    tell_the_planner(db)
    return rows


def _moment(case: int) -> datetime:
    """Cases came evenly, about one a day."""
    return NOW - timedelta(days=case)


def hospitals() -> Iterator[Row]:
    for number in range(HOSPITALS):
        key = identifier("hospital", number)
        yield {"id": key, "name": f"Hospital {number}", "country": "GB", "registered_at": NOW}


def lines() -> Iterator[Row]:
    for number in range(HOSPITALS):
        yield {
            "id": identifier("line", number),
            "hospital_id": identifier("hospital", number),
            "ae_title": f"HOSPITAL{number}",
            "host": "192.0.2.1",
            "port": 11112,
            "registered_at": NOW,
        }


def people() -> Iterator[Row]:
    for number in range(SURGEONS):
        yield _person("surgeon", number)
    yield _person("coordinator", 0)


def _person(role: str, number: int) -> Row:
    return {
        "id": identifier(role, number),
        "name": f"Dr {role.title()} {number}",
        "email": f"{role}{number}@example.org",
        "role": role,
        "centre": "",
        "subspecialty": "",
        "active": True,
        "created_at": NOW,
    }


def coordination() -> Iterator[Row]:
    for number in range(HOSPITALS // 2):
        key = identifier("hospital", number)
        yield {"person_id": identifier("coordinator", 0), "hospital_id": key}


def cases(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        works = case < max(len(IN_WORK), crowd.cases // 10)
        yield {
            "id": crowd.case_id(case),
            "number": f"M{crowd.cases - case:06}",
            "organ": "liver",
            "hospital_id": identifier("hospital", case % HOSPITALS),
            "state": IN_WORK[case % len(IN_WORK)] if works else "closed",
            "version": 5,
            "question": "Can this be resected? " * 10,
            "local_verdict": "",
            "local_verdict_reason": "",
            "accession_number": f"A{case:07}",
            "opened_at": _moment(case),
            "opened_by": "coordinator",
            "records_complete_at": _moment(case),
            "due_on": (_moment(case) + timedelta(days=7)).date(),
            "held_reason": "",
            "held_from": "",
        }


def studies(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        yield {
            "id": identifier("case study", case),
            "case_id": crowd.case_id(case),
            "study_instance_uid": crowd.study(case),
            "attached_at": _moment(case),
            "attached_by": "archive",
            "reason": "",
        }


def assignments(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        yield {
            "id": identifier("assignment", case),
            "case_id": crowd.case_id(case),
            "person_id": identifier("surgeon", case % SURGEONS),
            "state": "completed",
            "assigned_at": _moment(case),
            "assigned_by": "coordinator",
        }


def grants(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        for number in range(GRANTS):
            token = crowd.token(case) if number == 0 else f"other {case} {number}"
            yield {
                "id": identifier("grant", case, number),
                "token_sha256": tokens.sha256(token),
                "case_id": crowd.case_id(case),
                "person_id": identifier("surgeon", case % SURGEONS),
                "for_whom": "Dr Surgeon",
                "permits": [Permit.VIEW.value, Permit.ANNOTATE.value],
                "issued_at": _moment(case),
                "issued_by": "coordinator",
                "not_before": _moment(case),
                "expires_at": NOW + timedelta(days=3650),
                "uses": 3,
                "revoked_by": "",
                "revoked_why": "",
            }


def launches(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        for number in range(LAUNCHES):
            key, secret = crowd.launch(case)
            yield {
                "id": key if number == 0 else identifier("launch", case, number)[:24],
                "secret_sha256": tokens.sha256(secret),
                "case_id": crowd.case_id(case),
                "grant_id": identifier("grant", case, 0),
                "begun_at": _moment(case),
                "expires_at": NOW + timedelta(days=3650),
            }


def arrivals(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        yield {
            "id": identifier("arrival", case),
            "orthanc_id": crowd.orthanc_id(case),
            "study_instance_uid": crowd.study(case),
            "state": "matched",
            "case_id": crowd.case_id(case),
            "match_reason": "The accession number is that of the case.",
            "guesses": [],
            "patient_id": f"P{case:07}",
            "patient_name": f"Doe^{case}",
            "accession_number": f"A{case:07}",
            "study_date": _moment(case).strftime("%Y%m%d"),
            "calling_aet": f"HOSPITAL{case % HOSPITALS}",
            "called_aet": "MARGIN",
            "remote_address": "192.0.2.1",
            "series": [_series(crowd, case, number) for number in range(SERIES)],
            "instance_count": crowd.slices,
            "first_seen_at": _moment(case),
            "changed_at": _moment(case),
            "last_update": _moment(case),
            "settled_at": _moment(case),
            **dict.fromkeys(("patient_sex", "patient_birth_date"), ""),
            **dict.fromkeys(("study_description", "study_id"), ""),
        }


def _series(crowd: Crowd, case: int, number: int) -> Row:
    return {
        "SeriesInstanceUID": uid("series", case, number),
        "Modality": "CT",
        "SeriesNumber": str(number),
        "SeriesDescription": "CT ABDOMEN PORTAL VENOUS 1.0",
        "instances": crowd.slices // SERIES,
    }


def senders(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        yield {
            "id": identifier("sender", case),
            "arrival_id": identifier("arrival", case),
            "calling_aet": f"HOSPITAL{case % HOSPITALS}",
            "remote_address": "192.0.2.1",
            "first_seen_at": _moment(case),
            "instances": crowd.slices,
        }


def instances(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        arrival, at = identifier("arrival", case), _moment(case)
        for number in range(crowd.slices):
            key = identifier("instance", case, number)
            yield {
                "orthanc_id": orthanc_id("instance", case, number),
                "arrival_id": arrival,
                "sop_instance_uid": f"2.25.{int(key, 16)}",
                "sop_class_uid": CT,
                "calling_aet": f"HOSPITAL{case % HOSPITALS}",
                "remote_address": "192.0.2.1",
                "md5": key,
                "received_at": at,
            }


def prepared(crowd: Crowd) -> Iterator[Row]:
    for case in range(crowd.cases):
        for number in range(SERIES):
            yield {
                "id": identifier("prepared", case, number),
                "study_instance_uid": crowd.study(case),
                "series_instance_uid": uid("series", case, number),
                "state": "prepared",
                "done": crowd.slices // SERIES,
                "total": crowd.slices // SERIES,
                "unreadable": [],
                "bytes": crowd.slices // SERIES * 200_000,
                "seconds": 3.0,
                "at": _moment(case),
            }


def preparations(crowd: Crowd) -> Iterator[Row]:
    """A job per series: done long ago, or, for the cases in work, all still waiting at once."""
    for case in range(crowd.cases):
        waits = case < crowd.cases // 10
        for number in range(SERIES):
            yield {
                "id": identifier("job", case, number),
                "name": PREPARE_SERIES,
                "key": f"{PREPARE_SERIES} {orthanc_id('series', case, number)}",
                "payload": {"orthanc_id": orthanc_id("series", case, number)},
                "state": "waiting" if waits else "done",
                "attempts": 0 if waits else 1,
                "created_at": _moment(case),
                "run_at": _moment(case),
                "finished_at": None if waits else _moment(case),
            }


def audit_lines(crowd: Crowd) -> Iterator[Row]:
    chance = random.Random(1)
    for sequence in range(1, crowd.cases * AUDIT_LINES + 1):
        case = crowd.cases - 1 - (sequence - 1) // AUDIT_LINES
        yield {
            "sequence": sequence,
            "at": _moment(case),
            "actor": "grant 0123abcd for Dr Surgeon",
            "action": chance.choice(("images.read", "case.read", "annotation.save")),
            "object": f"GET /cases/M{crowd.cases - case:06}",
            "case_number": f"M{crowd.cases - case:06}",
            "outcome": "allowed",
            "reason": "",
            "details": {"study": crowd.study(case)},
            "previous_hash": GENESIS,
            "hash": identifier("line", sequence) * 2,
        }


def _cursor() -> Row:
    return {"name": "orthanc", "sequence": 5_000_000, "swept_at": NOW, "archive_ok": True}
