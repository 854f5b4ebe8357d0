"""What has to hold after every hour of the week, whatever the stories did."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.cases.clocks.queries import clock_of, steps_of
from server.cases.listing import DUE, Asked, page_of
from server.cases.records import Assignment, Case
from server.foundation import audit
from server.notices.records import Delivery, Notice
from server.panel.queries import panel_of
from tests.week import by_hand
from tests.week.town import COORDINATORS, SURGEONS, Post, Told, Town, ids_of, person_names

RUNNING = ("ready", "assigned", "in_review")
OVER = ("opined", "reassessment", "closed", "withdrawn")
# From a state to those that may follow it, by hand; staying is said where something may happen in it.
WAYS = {
    "": "open",
    "open": "awaiting_records on_hold withdrawn",
    "awaiting_records": "awaiting_records ready on_hold withdrawn opined",
    "ready": "ready assigned awaiting_records on_hold withdrawn opined",
    "assigned": "assigned in_review ready awaiting_records on_hold withdrawn opined",
    "in_review": "in_review assigned ready awaiting_records on_hold withdrawn opined",
    "on_hold": "on_hold open awaiting_records ready assigned in_review withdrawn",
    "opined": "closed reassessment awaiting_records opined",
    "reassessment": "reassessment opined awaiting_records closed",
    "closed": "",
    "withdrawn": "",
}
_NUMBER = re.compile(r'href="/cases/(M-\d{4}-\d{5})(?:/offer)?"')


class Watch:
    """Looks at a town."""

    def __init__(self, town: Town, post: Post) -> None:
        self.town, self.post = town, post
        self.looks = 0
        self._versions: dict[str, int] = {}
        self._asked: set[tuple[str, str, int]] = set()

    def hourly(self) -> None:
        """Every list, and every case that somebody touched, or whose clock stands still."""
        self.looks += 1
        with self.town.db.reading() as session:
            for case in session.scalars(select(Case).options(selectinload(Case.assignments))):
                told = self.town.told[case.number]
                paused = bool(told.pauses) and told.pauses[-1][1] is None
                if paused or self._versions.get(case.number) != case.version:
                    self._versions[case.number] = case.version
                    self._look_at(session, case, told)
            self._lists(session)
            self._mails(session)
        self._sealed_votes()

    def _look_at(self, session: Session, case: Case, told: Told) -> None:
        self._clock(session, case, told)
        self._one_holder(session, case)

    def daily(self) -> None:
        """What walks through everything, and the pages themselves."""
        with self.town.db.reading() as session:
            report = audit.verify(session)
            assert report.whole, report
            for case in session.scalars(select(Case)):
                self._look_at(session, case, self.town.told[case.number])
                self._way(session, case)
            self._deadlines(session)
            self._notices(session)
            shown = self._parts(session)
        for who in COORDINATORS:
            self._coordinators_page(who)
        for who in SURGEONS:
            assert set(_NUMBER.findall(self.town.page(who, "/worklist"))) == shown[who], who

    # The clock

    def _clock(self, session: Session, case: Case, told: Told) -> None:
        now, where = self.town.now, (case.number, case.state, self.town.now)
        clock = clock_of(session, case, now)
        if told.complete_at is None:
            assert (clock.target_on, case.due_on) == (None, None), where
            return
        until = told.done_at or now
        worked_out = by_hand.promise(told.tier, told.country, told.complete_at, told.pauses, until)
        if case.state == "withdrawn":
            return  # nothing is promised any more
        read = by_hand.Promise(
            *(one for one in (clock.target_on, clock.limit_on, clock.soon_on) if one)
        )
        assert read == worked_out, where
        if case.state in (*RUNNING, *OVER):
            kept = (case.due_on, case.limit_on, case.soon_on)
            assert kept == (clock.target_on, clock.limit_on, clock.soon_on), where
        paused = bool(told.pauses) and told.pauses[-1][1] is None
        assert paused == (clock.pause is not None), where
        if told.done_at is not None:
            late = by_hand.day_of(told.done_at) > worked_out.target_on
            assert clock.standing.value == ("late" if late else "in_time"), where

    # Nobody and nothing is lost

    def _one_holder(self, session: Session, case: Case) -> None:
        """A case that somebody works on has somebody; one that nobody works on has nobody."""
        parts = [one for one in case.assignments if one.state == "active" and one.decides]
        if case.state in ("assigned", "in_review"):
            assert parts, case.number
        elif case.state in ("open", "ready", *OVER):
            assert not parts, (case.number, case.state)
        if panel_of(session, case) is None:
            assert len(parts) <= 1, case.number
        standing = Counter(
            one.person_id for one in case.assignments if one.state in ("active", "offered")
        )
        assert all(many == 1 for many in standing.values()), case.number

    def _lists(self, session: Session) -> None:
        """Each case on one list of one coordinator."""
        seen: Counter[str] = Counter()
        today = by_hand.day_of(self.town.now)
        for who in COORDINATORS:
            theirs = ids_of(session, who)
            for finished in (False, True):
                asked = Asked(hospital_ids=theirs, finished=finished)
                seen.update(one.number for one in page_of(session, asked, today, most=500).cases)
        assert seen == Counter(dict.fromkeys(self.town.told, 1))

    def _deadlines(self, session: Session) -> None:
        """Each case under one word of its deadline; what is past its limit is overdue, too."""
        due: Counter[str] = Counter()
        today = by_hand.day_of(self.town.now)
        for word in DUE:
            for one in page_of(session, Asked(due=word), today, most=500).cases:
                if word != "overdue" or one.limit_on is None or one.limit_on >= today:
                    due[one.number] += 1
        assert all(many == 1 for many in due.values()), due

    def _coordinators_page(self, who: str) -> None:
        numbers = [one.number for one in self.town.told.values() if one.coordinator == who]
        found: list[str] = []
        for address in ("/worklist", "/worklist?show=finished"):
            found += _NUMBER.findall(self.town.page(who, address))
        assert sorted(found) == sorted(numbers), who

    def _parts(self, session: Session) -> dict[str, set[str]]:
        """What each surgeon's page must show: their cases and the offers that they can answer."""
        names = person_names(session)
        shown: dict[str, set[str]] = {who: set() for who in SURGEONS}
        wanted = select(Assignment).join(Case)
        for one in session.scalars(wanted):
            offered = one.state == "offered" and one.answer_by and one.answer_by > self.town.now
            if one.state in ("active", "completed") or offered:
                shown[names[one.person_id]].add(one.case.number)
        return shown

    def _way(self, session: Session, case: Case) -> None:
        """The states that a case went through follow each other, as they may."""
        before = ""
        for step in steps_of(session, case.id):
            assert step.from_state == before or step.event == "tier_changed", case.number
            if step.event != "tier_changed":
                assert step.to_state in WAYS[before].split(), (case.number, before, step.event)
            before = step.to_state
        assert before == case.state, case.number

    # Nobody sees a vote before their own

    def _sealed_votes(self) -> None:
        for number, who, others in self._still_to_vote():
            # Asked once after each vote: nothing else changes what they see.
            if (number, who, len(others)) in self._asked:
                continue
            self._asked.add((number, who, len(others)))
            pages = [
                self.town.page(who, f"/cases/{number}/panel"),
                self.town.panel_json(self.town.told[number], who).get_data(as_text=True),
            ]
            told = self.town.told[number]
            pages.append(self.town.page(told.coordinator, f"/cases/{number}/assignment"))
            for mark in others:
                assert not any(mark in page for page in pages), (number, who)

    def _still_to_vote(self) -> Iterator[tuple[str, str, list[str]]]:
        """Cases with votes under way: somebody who has not voted, and what the others wrote."""
        with self.town.db.reading() as session:
            names = person_names(session)
            for told in self.town.told.values():
                if not told.votes:
                    continue
                case = session.scalars(select(Case).where(Case.number == told.number)).one()
                panel = panel_of(session, case)
                if panel is None or not panel.sealed:
                    continue
                for one in case.assignments:
                    name = names[one.person_id]
                    if one.state == "active" and one.decides and name not in told.votes:
                        yield told.number, name, list(told.votes.values())

    # Notices

    def _mails(self, session: Session) -> None:
        """Whatever was due has gone out, unless the mail server is away; and each mail went once."""
        assert all(many == 1 for many in self.post.taken.values())
        if self.post.away:
            return
        waiting = select(Delivery).where(
            Delivery.channel == "email",
            Delivery.state != "sent",
            Delivery.due_at <= self.town.now - timedelta(hours=1),
        )
        assert session.scalars(waiting).first() is None

    def _notices(self, session: Session) -> None:
        """Nobody is told of the same thing twice, by the same way, at one moment."""
        told = Counter(
            (delivery.notice_id, delivery.channel, delivery.person_id, delivery.contact_id)
            for delivery in session.scalars(select(Delivery))
        )
        assert all(many == 1 for many in told.values())
        said = Counter(
            (notice.kind, notice.case_id, delivery.person_id, notice.created_at)
            for notice, delivery in session.execute(
                select(Notice, Delivery).join(Delivery).where(Delivery.channel == "page")
            )
        )
        twice = [key for key, many in said.items() if many > 1]
        assert not twice, twice
