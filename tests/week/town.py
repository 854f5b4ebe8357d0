"""The people of a busy service, its scripted clock, and the doors they go through.

Whatever somebody does goes through the application's own pages and JSON. `Told` is what a story knows of
its case: the moments at which something was done, written down by who did it and not read back.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.access import tokens
from server.access.records import SignIn
from server.cases import actions as cases
from server.cases.queries import case_by_number
from server.cases.records import Case
from server.foundation.db import Database, new_id
from server.notices.outcome import Delivered, Outcome, Postponed
from server.opinions import actions as opinions
from server.opinions.document import Opinion
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.people import actions as people
from server.people.records import Hospital, Person
from server.web import cookies
from server.web.visit import Services
from tests.panel.test_panel_pages import client_form
from tests.web.conftest import Browser
from tests.world import hashed_password

HOSPITALS = {
    "Nordheim": ("DE", "Clara"),
    "Riverside": ("GB", "Clara"),
    "Amstel": ("NL", "Clara"),
    "Hillcrest": ("IN", "Omar"),
    "Huaxi": ("CN", "Omar"),
    "Najd": ("SA", "Omar"),
}
COORDINATORS = ("Clara", "Omar")
SURGEONS = ("Anna", "Bela", "Chen", "Dina", "Emil", "Fumi", "Gita", "Hugo", "Ines", "Jomo")
PDF = b"%PDF-1.7 the document of a test"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Clock:
    """What time it is."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **span: int) -> None:
        self.now += timedelta(**span)


@dataclass
class Post:
    """A mail server: what it took, by Message-ID. While it is `away` it takes nothing."""

    away: bool = False
    taken: Counter[str] = field(default_factory=Counter)

    def send(self, message: EmailMessage) -> Outcome:
        if self.away:
            return Postponed("451 try again later")
        self.taken[str(message["Message-ID"])] += 1
        return Delivered()


@dataclass
class Told:
    """What the people of a case did to it, and when. `pauses` hold a beginning and an end or None."""

    number: str
    hospital: str
    tier: str
    complete_at: datetime | None = None
    pauses: list[list[datetime | None]] = field(default_factory=list)
    done_at: datetime | None = None
    ended: bool = False
    votes: dict[str, str] = field(default_factory=dict)

    @property
    def country(self) -> str:
        return HOSPITALS[self.hospital][0]

    @property
    def coordinator(self) -> str:
        return HOSPITALS[self.hospital][1]

    def pause(self, now: datetime) -> None:
        self.pauses.append([now, None])

    def go_on(self, now: datetime) -> None:
        self.pauses[-1][1] = now


class Town:
    """Everybody, and what they can do."""

    def __init__(self, app: Flask, clock: Clock) -> None:
        self.app, self.clock = app, clock
        self.services: Services = app.extensions["margin"]
        self.people: dict[str, str] = {}
        self.hospitals: dict[str, str] = {}
        self.told: dict[str, Told] = {}
        self._browsers: dict[str, Browser] = {}
        self._visits: dict[tuple[str, str], tuple[str, datetime]] = {}
        self._studies = 0
        self._settle()

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def now(self) -> datetime:
        return self.clock.now

    def _settle(self) -> None:
        with self.db.writing() as session:
            roles = dict.fromkeys(COORDINATORS, "coordinator") | dict.fromkeys(SURGEONS, "surgeon")
            found = {}
            for name, role in {"Ada": "admin", **roles}.items():
                found[name] = people.add_person(
                    session,
                    name=f"Dr {name}",
                    email=f"{name.lower()}@margin.example",
                    role=role,
                    centre=f"Centre of {name}" if role == "surgeon" else "",
                    now=self.now,
                )
                found[name].password_hash = hashed_password()
            for name, (country, coordinator) in HOSPITALS.items():
                made = people.register_hospital(session, name=name, country=country, now=self.now)
                people.let_coordinate(session, found[coordinator], made)
                self.hospitals[name] = made.id
            self.people = {name: one.id for name, one in found.items()}

    # Going in

    def browser(self, who: str) -> Browser:
        """Somebody signed in, with the token of their forms."""
        if who not in self._browsers:
            client, secret = self.app.test_client(), tokens.new_secret()
            with self.db.writing() as session:
                session.add(
                    SignIn(
                        secret_sha256=tokens.sha256(secret),
                        person_id=self.people[who],
                        begun_at=self.now,
                        expires_at=self.now + timedelta(days=60),
                    )
                )
            client.set_cookie(cookies.sign_in_name(self.services.settings), secret)
            browser = Browser(client)
            browser.get("/worklist")
            browser.get("/notices/preferences")
            assert browser.token
            self._browsers[who] = browser
        return self._browsers[who]

    def page(self, who: str, address: str) -> str:
        answer = self.browser(who).client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        return answer.get_data(as_text=True)

    def send(self, who: str, address: str, **fields: object) -> TestResponse:
        """Send a form, which must be taken."""
        answer = self.browser(who).post_only(address, **fields)
        self.clock.tick(seconds=1)
        assert answer.status_code == 303, (address, answer.status_code, answer.text[-3000:])
        return answer

    def refused(self, who: str, address: str, **fields: object) -> int:
        """Send a form, which must not be taken; the status."""
        answer = self.browser(who).post_only(address, **fields)
        assert 400 <= answer.status_code < 500, (address, answer.status_code)
        return answer.status_code

    def version(self, number: str) -> int:
        with self.db.reading() as session:
            return session.scalars(select(Case.version).where(Case.number == number)).one()

    def state(self, number: str) -> str:
        with self.db.reading() as session:
            return session.scalars(select(Case.state).where(Case.number == number)).one()

    # The coordinator

    def open(self, hospital: str, tier: str = "report", organ: str = "pancreas") -> Told:
        answer = self.send(
            HOSPITALS[hospital][1],
            "/cases/new",
            organ=organ,
            hospital_id=self.hospitals[hospital],
            question="Can it be resected?",
            tier=tier,
        )
        made = Told(answer.location.rsplit("/", 1)[1], hospital, tier)
        self.told[made.number] = made
        return made

    def images(self, told: Told) -> None:
        """A study comes, as the archive's feed brings it."""
        self._studies += 1
        with self.db.writing() as session:
            cases.attach_study(
                session,
                case_by_number(session, told.number),
                f"1.2.826.0.1.3680043.8.498.77.{self._studies}",
                by="archive",
                reason="The accession number is that of the case.",
                now=self.now,
            )

    def step(self, told: Told, event: str, **fields: str) -> None:
        said = {"reason": "Said in the week.", **fields}
        at = f"/cases/{told.number}/advance"
        moment = self.now
        version = self.version(told.number)
        self.send(told.coordinator, at, version=version, event=event, **said)
        if event == "records_complete":
            if told.complete_at is None:
                told.complete_at = moment
            elif told.pauses and told.pauses[-1][1] is None:
                told.go_on(moment)
        elif event == "hold" or (event == "records_wanted" and told.complete_at):
            told.pause(moment)
        elif event == "resume":
            told.go_on(moment)
        elif event in ("withdraw", "close"):
            told.ended = True
            if event == "withdraw" and told.pauses and told.pauses[-1][1] is None:
                told.go_on(moment)

    def assign(self, told: Told, who: str) -> None:
        self._by_coordinator(told, "assign", person_id=self.people[who])

    def offer(self, told: Told, *names: str, hours: int = 48) -> None:
        ids = [self.people[one] for one in names]
        self._by_coordinator(told, "assignment/offer", person_id=ids, answer_hours=str(hours))

    def convene(
        self,
        told: Told,
        members: str,
        chair: str,
        standby: str = "",
        *,
        ask: bool = False,
        rule: str = "majority-3-then-5",
    ) -> None:
        seats: dict[str, str] = {}
        named = [(members, "member"), (chair, "chair"), (standby, "standby")]
        order = 0
        for names, seat in named:
            for name in names.split():
                order += 1
                seats[f"seat-{self.people[name]}"] = seat
                seats[f"order-{self.people[name]}"] = str(order)
        sent = {"rule": rule, "answer_hours": "24", "ask": "yes" if ask else "no", **seats}
        self._by_coordinator(told, "assignment/panel", **sent)

    def _by_coordinator(self, told: Told, what: str, **fields: object) -> None:
        version = self.version(told.number)
        self.send(told.coordinator, f"/cases/{told.number}/{what}", version=version, **fields)

    # The surgeon

    def accept(self, told: Told, who: str) -> None:
        self.send(who, f"/cases/{told.number}/offer/accept")

    def decline(self, told: Told, who: str, reason: str = "On leave.") -> None:
        self.send(who, f"/cases/{told.number}/offer/decline", reason=reason)

    def _visit(self, told: Told, who: str) -> tuple[FlaskClient, str]:
        """The viewer of the case: opened anew when the last visit is some hours old."""
        client = self.browser(who).client
        base, begun = self._visits.get((told.number, who), ("", self.now))
        if not base or self.now - begun > timedelta(hours=6):
            base = "/".join(self.send(who, f"/cases/{told.number}/launch").location.split("/")[:3])
            self._visits[told.number, who] = (base, self.now)
        return client, base

    def panel_json(self, told: Told, who: str) -> TestResponse:
        client, base = self._visit(told, who)
        return client.get(f"{base}/api/panel")

    def save(self, told: Told, who: str, answers: dict[str, Any]) -> None:
        client, base = self._visit(told, who)
        version = self.panel_json(told, who).get_json()["annotation"]["version"]
        body = {"answers": answers, "version": version}
        answer = client.put(f"{base}/api/annotation", json=body)
        assert answer.status_code == 200, answer.text
        self.clock.tick(seconds=1)

    def sign(self, told: Told, who: str, verdict: str) -> TestResponse:
        """Sign what was saved; the answer, whatever it is."""
        client, base = self._visit(told, who)
        read = self.panel_json(told, who)
        version = read.get_json()["annotation"]["version"] if read.status_code == 200 else 1
        moment = self.now
        answer = client.post(f"{base}/api/sign", json={"version": version, "verdict": verdict})
        if answer.status_code == 200 and self.state(told.number) == "opined":
            told.done_at = told.done_at or moment
        self.clock.tick(seconds=1)
        return answer

    def amend(self, told: Told, who: str) -> None:
        client, base = self._visit(told, who)
        answer = client.post(f"{base}/api/amendment", json={"reason": "Read again."})
        assert answer.status_code == 200, answer.text

    def vote(self, told: Told, who: str, answers: dict[str, Any]) -> None:
        """Save and sign, with words in it that stand in nobody else's vote."""
        mark = f"only-{who}-wrote-this-about-{told.number}"
        self.save(told, who, {**answers, "answer_to_question": mark})
        told.votes[who] = mark
        answer = self.sign(told, who, answers["verdict"])
        assert answer.status_code == 200, answer.text

    def conclude(self, told: Told, chair: str, why: str = "") -> None:
        shown = self.page(chair, f"/cases/{told.number}/panel")
        moment = self.now
        self.send(
            chair,
            f"/cases/{told.number}/panel/conclusion",
            **client_form(shown),
            text="Operate within four weeks.",
            departure_reason=why,
        )
        told.done_at = moment

    def ask_for_imaging(self, told: Told, who: str) -> None:
        moment = self.now
        self.send(
            who,
            f"/cases/{told.number}/questions",
            key=new_id(),
            audience="hospital",
            subject="An arterial phase",
            text="Is there an arterial phase?",
            wants_imaging="on",
        )
        told.pause(moment)

    def opinion(self, told: Told) -> Opinion:
        """The newest opinion of a case."""
        with self.db.reading() as session:
            case = case_by_number(session, told.number)
            return from_stored(opinions_of_case(session, case.id)[0].content)

    # The worker's part that asks the archive

    def print_opinions(self) -> None:
        """Make the documents of what was signed."""
        with self.db.writing() as session:
            waiting = select(IssuedOpinion).where(IssuedOpinion.sha256 == "")
            for kept in session.scalars(waiting).all():
                opinions.note_document(session, kept.id, self.services.files.put(PDF), self.now)


def ids_of(session: Any, coordinator: str) -> frozenset[str]:
    """The hospitals that a coordinator looks after."""
    names = [name for name, (_, who) in HOSPITALS.items() if who == coordinator]
    return frozenset(session.scalars(select(Hospital.id).where(Hospital.name.in_(names))))


def person_names(session: Any) -> dict[str, str]:
    """First names by the ids of people."""
    return {one.id: one.name.removeprefix("Dr ") for one in session.scalars(select(Person))}
