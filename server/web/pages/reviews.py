"""A reviewer's own list: offers to answer on top, then the next deadline, with what is new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.access.queries import last_visits
from server.annotations.queries import annotation_of, current
from server.cases import queries
from server.cases.asking import ROLE_WORDS, Role
from server.cases.lifecycle import State
from server.cases.records import Assignment, Case
from server.conversation.queries import unseen_count
from server.panel.queries import panels_of, vote_of
from server.panel.records import Panel
from server.web.pages import worklist as coordinators
from server.web.pages.layout import page
from server.web.pages.worklist import archive_status, case_urgency
from server.web.visit import Visit
from server.web.voices import voice_of
from server.web.wording import count, day

# Of a case that stands so nobody waits for its reviewer.
_DONE = (State.OPINED, State.CLOSED, State.WITHDRAWN, State.REASSESSMENT)


@dataclass(frozen=True)
class Review:
    """One line: the case, as what, what to do, and what is new since the last visit."""

    case: Case
    role: str
    todo: str
    news: tuple[str, ...]
    urgency: str
    panel: Panel | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is to be done on this case now."""
        return State(self.case.state) in _DONE


def worklist(visit: Visit) -> Response:
    """The worklist of whoever is signed in."""
    mine = visit.account.role == "surgeon"
    return surgeons_worklist(visit) if mine else coordinators.worklist(visit)


def surgeons_worklist(visit: Visit) -> Response:
    """The signed-in reviewer's cases and offers."""
    offers, rows = reviews_of(visit)
    return page(
        visit,
        "worklist_surgeon.html",
        offers=offers,
        rows=[row for row in rows if not row.done],
        finished=[row for row in rows if row.done],
        archive=archive_status(visit),
        role_words=ROLE_WORDS,
    )


def reviews_of(visit: Visit) -> tuple[list[Assignment], list[Review]]:
    """The signed-in reviewer's offers, the first to run out on top, and their cases."""
    offers = queries.offers_to(visit.session, visit.account.person_id, visit.now)
    return offers, _rows(visit)


def _rows(visit: Visit) -> list[Review]:
    me, session = visit.account.person_id, visit.session
    seen = last_visits(session, me)
    cases = queries.cases_of_ids(session, visit.account.case_ids)
    panels = panels_of(session, visit.account.case_ids)
    found = []
    for case in cases:
        panel = panels.get(case.id)
        here = panel if panel is not None and panel.case_round == case.round else None
        mine = next(one for one in reversed(case.assignments) if one.person_id == me)
        role = Role(mine.role)
        found.append(
            Review(
                case,
                ROLE_WORDS[role],
                _todo(visit, case, here, role),
                tuple(_news(visit, case, here, seen.get(case.id))),
                case_urgency(case, visit.today),
                here,
            )
        )
    return found


def _todo(visit: Visit, case: Case, panel: Panel | None, role: Role) -> str:
    """What this reviewer has done and has to do."""
    if role is Role.OBSERVER:
        return "You look on"
    me = visit.account.person_id
    if panel is not None and panel.chair_id == me and panel.state != "concluded":
        if panel.state == "open":
            return "Votes are in: write the conclusion"
        if not panel.chair_votes:
            return f"You conclude; {len(panel.votes)} of {panel.wanted} votes are in"
    if panel is not None and vote_of(panel, me) is not None:
        waiting = f", {len(panel.votes)} of {panel.wanted} in" if panel.sealed else ""
        return f"You have voted{waiting}"
    revision = current(annotation_of(visit.session, case.id, me))
    wanted = "vote" if panel is not None else "form"
    if revision is None or revision.saved_at is None:
        return f"Your {wanted}: not begun"
    if revision.signed_at is not None:
        return f"Signed {day(revision.signed_at.date())}"
    return f"Your {wanted}: draft saved {day(revision.saved_at.date())}"


def _news(visit: Visit, case: Case, panel: Panel | None, since: datetime | None) -> Iterable[str]:
    """What is new since the last visit, in words; a case that was never visited is new itself."""
    if since is None:
        yield "new to you"
        return
    yield from news_of(
        since,
        studies=[one.attached_at for one in case.studies],
        documents=[one.received_at for one in case.documents],
        opened_at=panel.opened_at if panel else None,
        messages=unseen_count(visit.session, case, voice_of(visit)),
    )


def news_of(
    since: datetime,
    *,
    studies: Iterable[datetime],
    documents: Iterable[datetime],
    opened_at: datetime | None,
    messages: int,
) -> list[str]:
    """What came after `since`, each kind in a few words. Pure."""
    found = []
    images = sum(at > since for at in studies)
    papers = sum(at > since for at in documents)
    if images:
        found.append(f"{count(images, 'new study', 'new studies')}")
    if papers:
        found.append(f"{count(papers, 'new document')}")
    if messages:
        found.append(f"{count(messages, 'unread answer')}")
    if opened_at is not None and opened_at > since:
        found.append("votes are open")
    return found


ROUTES = [Route("/worklist", worklist, Action.WORKLIST_READ)]
