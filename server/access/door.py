"""The door: everybody passes it, and no view is reached around it.

A route names an action; the door finds out who is asking, loads the case that the address speaks of,
asks the permission table and only then hands the view its pass. It knows nothing of HTTP: it is given
credentials as plain text and answers with an admission or an exception.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.access import tokens
from server.access.action import Action, Permit
from server.access.actions import check_grant, good_grant, use_token
from server.access.permissions import (
    NO_LONGER_THEIRS,
    Account,
    Actor,
    Allowed,
    CaseFacts,
    Denied,
    Holder,
    Nobody,
    may,
    sends_no_more,
)
from server.access.programs import program_of_key
from server.access.records import Grant, Launch, SignIn
from server.cases.queries import CaseNotFound, case_by_id, case_by_number, study_uids
from server.cases.records import Assignment, Case
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.foundation.errors import MarginError, Refused, Unauthenticated
from server.panel.sight import NOTHING_HIDDEN, Hidden, hidden_objects, is_sealed
from server.people.queries import coordinated_hospital_ids
from server.people.records import Person

# A withdrawn grant stops within 5 s, also in the middle of a study (docs/operations.md).
REMEMBERED_FOR_S = 3.0
MOST_REMEMBERED = 2000
# Of an assignment's states and roles, those that open a door.
HAVING = ("active", "completed")
OFFERED = "offered"
OBSERVER = "observer"
_AGAIN = "Open the access link again, or sign in and open the case again."


class NotSignedIn(Unauthenticated):
    """The page is for people with an account, and nobody is signed in."""


class VisitEnded(Unauthenticated):
    """The visit's cookie is missing, wrong or too old."""


class NotPermitted(Refused):
    """The actor is known and may not do this."""


class NoLongerYours(NotPermitted):
    """The case was with this surgeon, or they were asked for it, and that is over."""


@dataclass(frozen=True)
class Route:
    """One address of Margin. `action` has no default: a route without a guard cannot be written.

    `streams`: bytes in bulk come over a slow line. The view is let in before the first of them and holds
    no transaction while it takes them; it opens short ones of its own.
    `by_key`: programs come here with `Authorization: Bearer`: a hospital system's key, or a case's token.
    """

    url: str
    view: Callable[..., Any]
    action: Action
    methods: tuple[str, ...] = ("GET",)
    streams: bool = False
    by_key: bool = False


@dataclass(frozen=True)
class Credentials:
    """What a request brought: a bearer token, an account's cookie, the cookie of a visit."""

    bearer: str | None = None
    sign_in_secret: str | None = None
    launch_secret: str | None = None


@dataclass(frozen=True)
class Admission:
    """Who was let in, and to which case."""

    actor: Actor
    case: Case | None = None
    launch: Launch | None = None

    def may(self, action: Action) -> bool:
        """Whether the same actor may also do `action` here: for showing or hiding a button."""
        return isinstance(may(self.actor, action, facts(self.case)), Allowed)


def facts(case: Case | None) -> CaseFacts | None:
    """What the permission table needs to know of a case."""
    return CaseFacts(case.id, case.hospital_id) if case is not None else None


def admit(
    session: Session,
    action: Action,
    credentials: Credentials,
    *,
    now: datetime,
    number: str | None = None,
    launch_id: str | None = None,
) -> Admission:
    """Let somebody in to the case named `number`, or to the one their visit is about, or to neither.

    Raises NotSignedIn, VisitEnded, a grant's own exceptions, NotPermitted or CaseNotFound.
    """
    if launch_id is not None:
        launch, actor = _visitor(session, launch_id, credentials, now)
        case: Case | None = case_by_id(session, launch.case_id)
        return _decide(Admission(actor, case, launch), action)
    if credentials.bearer is not None:
        actor = _bearer(session, credentials.bearer, now)
    else:
        actor = _account(session, credentials, now)
    if isinstance(actor, Nobody):
        _decide(Admission(actor), action)
    case = case_by_number(session, number) if number is not None else None
    return _decide(Admission(actor, case), action)


def _decide(admission: Admission, action: Action) -> Admission:
    answer = may(admission.actor, action, facts(admission.case))
    if isinstance(answer, Denied):
        if isinstance(admission.actor, Nobody):
            raise NotSignedIn("Please sign in.", remedy="Sign in, or open the access link again.")
        if answer.hides:
            wanted = f"case {admission.case.number}" if admission.case else "such case"
            raise CaseNotFound(
                f"There is no {wanted}.",
                remedy="Look for it in the worklist.",
                why=answer.reason,
                actor=admission.actor.text,
            )
        if sends_no_more(admission.actor, action):
            raise NotPermitted(
                "With this link you draw or sign, and whoever does sends nothing into the case.",
                remedy="Ask the coordinator for a link of its own for sending.",
                why=answer.reason,
                actor=admission.actor.text,
            )
        if answer.reason == NO_LONGER_THEIRS:
            raise NoLongerYours(
                "This case is not with you any more.",
                remedy="Ask the coordinator if you expected to go on with it.",
                why=answer.reason,
                actor=admission.actor.text,
            )
        raise NotPermitted(
            "You may not do this here.",
            remedy="Ask the coordinator if you should be able to.",
            why=answer.reason,
            actor=admission.actor.text,
            shared=isinstance(admission.actor, Holder) and Permit.SHARED in admission.actor.permits,
        )
    return admission


def _bearer(session: Session, secret: str, now: datetime) -> Actor:
    """A program by its key, or whoever holds the token of a case."""
    if tokens.looks_like_token(secret):
        return _comes_by(session, good_grant(session, secret, now))
    return program_of_key(session, secret, now)


def _account(session: Session, credentials: Credentials, now: datetime) -> Actor:
    if credentials.sign_in_secret is None:
        return Nobody()
    sign_in = session.scalar(
        select(SignIn).where(SignIn.secret_sha256 == tokens.sha256(credentials.sign_in_secret))
    )
    if sign_in is None or sign_in.ended_at is not None or sign_in.expires_at <= now:
        return Nobody()
    person = session.get(Person, sign_in.person_id)
    return account_of(session, person) if person is not None and person.active else Nobody()


def account_of(session: Session, person: Person) -> Account:
    """A person as the permission table sees them."""
    hospital_ids = (
        coordinated_hospital_ids(session, person.id) if person.role == "coordinator" else None
    )
    parts = session.execute(
        select(Assignment.case_id, Assignment.state, Assignment.role).where(
            Assignment.person_id == person.id
        )
    ).all()
    having = {one.case_id for one in parts if one.state in HAVING}
    deciding = {one.case_id for one in parts if one.state in HAVING and one.role != OBSERVER}
    offered = {one.case_id for one in parts if one.state == OFFERED}
    return Account(
        person.id,
        person.name,
        person.role,
        hospital_ids,
        case_ids=frozenset(having),
        observed_ids=frozenset(having - deciding),
        offered_ids=frozenset(offered),
        former_ids=frozenset(one.case_id for one in parts),
    )


def holder_of(grant: Grant, *, observing: bool = False) -> Holder:
    """A grant as the permission table sees it."""
    permits = frozenset(Permit(permit) for permit in grant.permits)
    return Holder(
        grant.id,
        grant.for_whom,
        grant.case_id,
        permits,
        grant.person_id,
        grant.pseudonymised,
        observing,
    )


def _comes_by(session: Session, grant: Grant) -> Holder:
    """Whoever comes by a grant: of somebody who looks on at the case, no more than that."""
    if grant.person_id is None or grant.case_id is None:
        return holder_of(grant)
    roles = session.scalars(
        select(Assignment.role).where(
            Assignment.case_id == grant.case_id,
            Assignment.person_id == grant.person_id,
            Assignment.state.in_((*HAVING, OFFERED)),
        )
    ).all()
    return holder_of(grant, observing=bool(roles) and set(roles) == {OBSERVER})


def _visitor(
    session: Session, launch_id: str, credentials: Credentials, now: datetime
) -> tuple[Launch, Actor]:
    launch = session.get(Launch, launch_id)
    secret = credentials.launch_secret
    if launch is None or secret is None or not tokens.same(launch.secret_sha256, secret):
        raise VisitEnded(
            "This page belongs to a visit that is not yours or has ended.", remedy=_AGAIN
        )
    if launch.expires_at <= now:
        raise VisitEnded("This visit has ended.", remedy=_AGAIN)
    if launch.grant_id is not None:
        grant = session.get_one(Grant, launch.grant_id)
        check_grant(session, grant, now)
        return launch, _comes_by(session, grant)
    person = session.get(Person, launch.person_id) if launch.person_id else None
    if person is None or not person.active:
        raise VisitEnded("This visit has ended.", remedy=_AGAIN)
    return launch, account_of(session, person)


@dataclass(frozen=True)
class ImageAdmission:
    """Who may do what with which studies. `study_uids` None means every study of the archive. `sealed`:
    a panel votes on the case, and of what others wrote this reader may not see what is `hidden`; as it
    was when they were let in.
    """

    actor: Actor
    case_id: str | None
    case_number: str | None
    hospital_id: str | None
    study_uids: frozenset[str] | None
    sealed: bool = False
    hidden: Hidden = NOTHING_HIDDEN

    @property
    def author_id(self) -> str:
        """Under which id what this reader writes is kept."""
        actor = self.actor
        if isinstance(actor, Holder):
            return actor.person_id or actor.grant_id
        return actor.person_id if isinstance(actor, Account) else ""

    @property
    def pseudonymised(self) -> bool:
        """Whether names and identifiers are to be replaced for this reader."""
        return isinstance(self.actor, Holder) and self.actor.pseudonymised

    def permits(self, action: Action) -> bool:
        case = CaseFacts(self.case_id, self.hospital_id or "") if self.case_id else None
        return isinstance(may(self.actor, action, case), Allowed)


class ImageDoor:
    """Admission to pixels: asked for every frame, so a good answer is remembered for a few seconds.

    What is remembered is keyed by the hash of the secret; a refusal is never remembered.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._known: dict[tuple[str | None, str], tuple[float, ImageAdmission]] = {}
        self._lock = threading.Lock()
        self._looking_up = tuple(threading.Lock() for _ in range(16))

    def admit(
        self, action: Action, credentials: Credentials, launch_id: str | None = None
    ) -> ImageAdmission:
        """Let somebody at the images; raises what `admit` raises."""
        secret = credentials.bearer if launch_id is None else credentials.launch_secret
        if secret is None:
            raise NotSignedIn(
                "No access token was given.", remedy="Send it as “Authorization: Bearer …”."
            )
        key = (launch_id, tokens.sha256(secret))
        admission = self._recalled(key)
        if admission is None:
            # A viewer asks from many threads at once: one of them looks up, the others wait for it.
            with self._looking_up[hash(key) % len(self._looking_up)]:
                admission = self._recalled(key)
                if admission is None:
                    admission = self._look_up(launch_id, credentials)
                    self._remember(key, admission)
        if not admission.permits(action):
            raise NotPermitted(
                "This access does not permit that.",
                remedy="Ask the coordinator.",
                why=f"the grant does not permit {action.value}",
                actor=admission.actor.text,
                case_number=admission.case_number,
            )
        return admission

    def remembered(self, secret: str, launch_id: str | None) -> ImageAdmission | None:
        """The admission of somebody who was let in a moment ago, without asking anything again."""
        return self._recalled((launch_id, tokens.sha256(secret)))

    def _recalled(self, key: tuple[str | None, str]) -> ImageAdmission | None:
        kept = self._known.get(key)
        return kept[1] if kept is not None and time.monotonic() <= kept[0] else None

    def _remember(self, key: tuple[str | None, str], admission: ImageAdmission) -> None:
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = (time.monotonic() + REMEMBERED_FOR_S, admission)

    def _look_up(self, launch_id: str | None, credentials: Credentials) -> ImageAdmission:
        now = self._clock()
        if launch_id is None:
            with self._db.writing() as session:
                grant = use_token(session, credentials.bearer or "", now)
                return self._of(session, _comes_by(session, grant), grant.case_id)
        with self._db.reading() as session:
            launch, actor = _visitor(session, launch_id, credentials, now)
            return self._of(session, actor, launch.case_id)

    def _of(self, session: Session, actor: Actor, case_id: str | None) -> ImageAdmission:
        if case_id is None:
            return ImageAdmission(actor, None, None, None, None)
        case = case_by_id(session, case_id)
        admission = ImageAdmission(
            actor, case.id, case.number, case.hospital_id, study_uids(session, case.id)
        )
        if not is_sealed(session, case):
            return admission
        hidden = hidden_objects(session, case.id, admission.author_id)
        return replace(admission, sealed=True, hidden=hidden)


def describe_refusal(error: MarginError) -> str:
    """What the audit trail says of a refusal: its name and, where there is one, the inner reason."""
    why = error.facts.get("why") or error.facts.get("grant")
    return f"{error.code}: {why}" if why else error.code
