"""An address names a case and a thing in it: a thing of another case is not there, and stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Boolean, Date, Integer, Numeric, inspect, select
from sqlalchemy.orm import Session

from server.access.records import Grant
from server.access.sharing_records import Share, ShareConsent
from server.answers.records import AnswerPoint, OpinionAddendum
from server.cases import actions as cases
from server.cases.aftercare.records import InPersonAssessment
from server.cases.records import Assignment, CaseDocument
from server.conversation.records import KeyImage, Question
from server.dossier.records import CaseTask, RecordedValue, RecordEntry, Specimen
from server.foundation.db import Base, Database, UtcDateTime
from server.imaging.records import AssessedSeries, HospitalReturn
from server.intake.uploads.records import Upload
from server.notices.records import Contact
from server.opinions.records import IssuedOpinion
from server.people.records import Hospital
from server.routing.records import CaseNeed
from server.web.api.table import ENDPOINTS
from server.web.routes import ROUTES
from tests.web.conftest import Browser, signed_in  # noqa: F401
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]
# What the parts of an address name; those of `OTHER_PARTS` name nothing that belongs to one case.
NAMED: dict[str, tuple[type[Base], str]] = {
    "addendum_number": (OpinionAddendum, "number"),
    "assessment_id": (InPersonAssessment, "id"),
    "consent_id": (ShareConsent, "id"),
    "contact_id": (Contact, "id"),
    "document_id": (CaseDocument, "id"),
    "entry_id": (RecordEntry, "id"),
    "grant_id": (Grant, "id"),
    "image_id": (KeyImage, "id"),
    "line_id": (RecordEntry, "id"),
    "link_id": (Grant, "id"),
    "need_id": (CaseNeed, "id"),
    "opinion": (IssuedOpinion, "number"),
    "owner": (Contact, "id"),
    "part": (Assignment, "id"),
    "part_id": (Assignment, "id"),
    "point_id": (AnswerPoint, "id"),
    "question": (Question, "id"),
    "return_id": (HospitalReturn, "id"),
    "series_id": (AssessedSeries, "id"),
    "share_id": (Share, "id"),
    "specimen_id": (Specimen, "id"),
    "task_id": (CaseTask, "id"),
    "upload_id": (Upload, "id"),
    "value_id": (RecordedValue, "id"),
}
# Only a link of its own kind comes here; what it names is looked up as for the other addresses.
SHARED = "/r/<launch>/shared/"
OTHER_PARTS = {"item_id", "key", "kind", "language", "organ", "rest", "ruleset", "sheet"}
# Written down whatever becomes of a request.
KEPT_ANYWAY = {"audit_line", "stranger_tally", "launch", "sign_in"}


PART = re.compile(r"<(?:[^:>]+:)?(\w+)>")


def parts_of(url: str) -> set[str]:
    return set(PART.findall(url)) - {"number", "launch"}


INSIDE = [
    (method, route.url)
    for route in ROUTES
    for method in route.methods
    if re.search("<number>|<launch>", route.url) and parts_of(route.url) - OTHER_PARTS
    if SHARED not in route.url
]


class Other:
    """Rows of another case, each made when it is asked for, with what they refer to."""

    def __init__(self, session: Session, world: World, now: datetime) -> None:
        self._session, self._now = session, now
        self.case = cases.open_case(
            session,
            organ="pancreas",
            hospital=session.get_one(Hospital, world.hospital.id),
            question="Another?",
            opened_by="test",
            now=now,
        )
        self._made: dict[str, Any] = {
            "review_case": self.case.id,
            "hospital": world.hospital.id,
            "person": world.surgeon.id,
        }

    def row(self, kind: type[Base]) -> Any:
        """A row of this kind, the same each time."""
        table = kind.__tablename__
        if table not in self._made:
            one = kind(**dict(self._values(kind)))
            self._session.add(one)
            self._session.flush()
            self._made[table] = one.id  # type: ignore[attr-defined]
        return self._session.get_one(kind, self._made[table])

    def _values(self, kind: type[Base]) -> Any:
        mapper = inspect(kind)
        for column in mapper.local_table.columns:
            has_default = column.default is not None or column.server_default is not None
            if column.name != "case_id" and (column.nullable or has_default):
                continue
            yield mapper.get_property_by_column(column).key, self._value(column)

    def _value(self, column: Any) -> Any:
        for reference in column.foreign_keys:
            target = reference.column.table.name
            if target not in self._made:
                kinds = (one.class_ for one in Base.registry.mappers)
                self.row(next(one for one in kinds if one.__tablename__ == target))
            return self._made[target]
        for kind, value in (
            (UtcDateTime, self._now),
            (Date, date(2026, 11, 1)),
            (Boolean, False),
            ((Integer, Numeric), 1),
        ):
            if isinstance(column.type, kind):
                return value
        # Digits alone: some columns keep numbers as text.
        text = str(uuid4().int)[: getattr(column.type, "length", None) or 32]
        return {} if column.type.python_type is dict else text


def everything(db: Database) -> dict[str, list[Any]]:
    with db.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
            if table.name not in KEPT_ANYWAY
        }


def sent_to(method: str, url: str) -> dict[str, Any]:
    """What a request has to bring, so that it is not refused for lack of it."""
    headers = {"Accept": "application/json", "X-Margin-Panel": "1"}
    if "/uploads/" in url:
        headers |= {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
        return {"headers": headers, "content_type": "application/offset+octet-stream"}
    for endpoint in ENDPOINTS:
        if (endpoint.method, endpoint.url) == (method, url) and endpoint.sent is not None:
            return {"headers": headers, "json": msgspec.to_builtins(endpoint.sent)}
    if method in ("GET", "DELETE"):
        return {"headers": headers}
    return {"headers": headers, "data": {"version": "1"}}


def filled(url: str, at: dict[str, str]) -> str:
    return PART.sub(lambda part: at.get(part[1], "en"), url)


def test_every_part_of_an_address_is_known_here() -> None:
    named = set().union(*(parts_of(url) for _, url in INSIDE)) - OTHER_PARTS
    assert named == set(NAMED)


@pytest.mark.parametrize("by_link", [True, False])
def test_a_thing_of_another_case_is_not_there(
    small_world: World,
    visit: Visit,
    signed_in: Callable[[str], Browser],  # noqa: F811
    today: datetime,
    by_link: bool,
) -> None:
    if by_link:
        askers = [visit(who) for who in ("hospital", "surgeon")]
    else:
        askers = [(signed_in(who).client, "") for who in ("Clara", "Lena")]
    with small_world.db.writing() as session:
        other = Other(session, small_world, today)
        named = {part: getattr(other.row(kind), name) for part, (kind, name) in NAMED.items()}
        shared = other.row(Share).id
    before = everything(small_world.db)
    wrong = []
    for method, url in INSIDE:
        if ("<launch>" in url) is not by_link:
            continue
        known = {**named, "link_id": shared} if "/sharing/links/" in url else named
        answered = []
        for client, base in askers:
            at = {"launch": base.rpartition("/")[2], "number": small_world.inside.number, **known}
            address = filled(url, at)
            answered.append(client.open(address, method=method, **sent_to(method, url)))
        found = [answer.status_code for answer in answered]
        if 404 not in found or set(found) - {403, 404} or everything(small_world.db) != before:
            wrong.append((method, url, [(one.status_code, one.text[:200]) for one in answered]))
    assert wrong == []
