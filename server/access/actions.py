"""Issuing and revoking grants, beginning visits, signing in and out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from server.access import tokens
from server.access.action import Permit
from server.access.codes import take_code
from server.access.passwords import hashed, verifies
from server.access.permissions import SHARED_PERMITS, in_force
from server.access.queries import GrantExpired, GrantNotYetValid, GrantRevoked, TokenUnknown
from server.access.records import FailedSignIn, Grant, Launch, SignIn
from server.access.sharing_queries import check_consent
from server.cases.records import Case
from server.foundation.errors import FieldProblem, Invalid, Unauthenticated
from server.people.queries import person_of_email
from server.people.records import Person

LONGEST_GRANT_DAYS = 366
SIGN_IN_LASTS = timedelta(hours=12)
SHORTEST_PASSWORD = 12
FAILURES_BEFORE_WAITING = 5
FAILURES_COUNT_FOR = timedelta(minutes=15)
FORGOTTEN_BESIDE = 20  # more than one failure adds, so that their number falls again
# Verified when there is no such account, so that the answer takes as long as for a real one.
_NOBODYS_HASH = hashed(tokens.new_secret())


class SignInFailed(Unauthenticated):
    """Address, password or code do not belong together."""


class PinNeeded(Unauthenticated):
    """The token is that of a share, which opens with its PIN and not by the token alone."""


class TooManyAttempts(Unauthenticated):
    """This address failed so often that it has to wait."""


@dataclass(frozen=True)
class IssuedGrant:
    """A grant together with its token, which is known at this moment only."""

    grant: Grant
    token: str


@dataclass(frozen=True)
class BegunLaunch:
    """A visit together with the secret for its cookie."""

    launch: Launch
    secret: str


def issue_grant(
    session: Session,
    *,
    case: Case | None,
    for_whom: str,
    permits: frozenset[Permit],
    days: int,
    issued_by: str,
    now: datetime,
    person: Person | None = None,
    pseudonymised: bool = False,
) -> IssuedGrant:
    """Make a grant for one case, or for the whole archive when `case` is None; raises Invalid.

    `pseudonymised` is for a case only, and never for whoever sends the patient's records.
    """
    problems = list(_problems_of(case, for_whom, permits, days, pseudonymised=pseudonymised))
    if problems:
        raise Invalid("The grant was not issued.", problems)
    return make_grant(
        session,
        case=case,
        for_whom=for_whom,
        permits=permits,
        expires_at=now + timedelta(days=days),
        issued_by=issued_by,
        now=now,
        person=person,
        pseudonymised=pseudonymised,
    )


def make_grant(
    session: Session,
    *,
    case: Case | None,
    for_whom: str,
    permits: frozenset[Permit],
    expires_at: datetime,
    issued_by: str,
    now: datetime,
    person: Person | None = None,
    pseudonymised: bool = False,
) -> IssuedGrant:
    """Keep a grant that was found to be in order: by `issue_grant`, or on a consent to share."""
    token = tokens.new_token()
    grant = Grant(
        token_sha256=tokens.sha256(token),
        case_id=case.id if case else None,
        person_id=person.id if person else None,
        for_whom=for_whom.strip()[:200],
        permits=sorted(permit.value for permit in permits),
        pseudonymised=pseudonymised,
        issued_at=now,
        issued_by=issued_by,
        not_before=now,
        expires_at=expires_at,
    )
    session.add(grant)
    session.flush()
    return IssuedGrant(grant, token)


def _problems_of(
    case: Case | None, for_whom: str, permits: frozenset[Permit], days: int, *, pseudonymised: bool
) -> Iterator[FieldProblem]:
    if not for_whom.strip():
        yield FieldProblem("/for_whom", "Say for whom the link is.")
    if not permits:
        yield FieldProblem("/permits", "Choose at least one thing that the link permits.")
    if not 1 <= days <= LONGEST_GRANT_DAYS:
        yield FieldProblem(
            "/days", f"A link is valid for 1 to {LONGEST_GRANT_DAYS} days; {days} were asked."
        )
    if permits & SHARED_PERMITS:
        yield FieldProblem(
            "/permits",
            "What is shared rests on a consent: record it under Sharing and make the link there.",
        )
    if in_force(permits) != permits:
        yield FieldProblem(
            "/permits",
            "Whoever draws or signs sends nothing into the case: make a link of its own for that.",
        )
    if pseudonymised and case is None:
        yield FieldProblem(
            "/pseudonymised", "Only a link for one case can hide who the patient is."
        )
    if pseudonymised and Permit.UPLOAD in permits:
        yield FieldProblem(
            "/pseudonymised", "Whoever sends images and documents sees whose they are."
        )


def revoke_grant(session: Session, grant: Grant, *, by: str, why: str, now: datetime) -> None:
    """End a grant and every visit that was begun with it. Revoking twice changes nothing."""
    if grant.revoked_at is None:
        grant.revoked_at, grant.revoked_by, grant.revoked_why = now, by, why[:2000]
        session.flush()


def use_token(session: Session, token: str, now: datetime) -> Grant:
    """The good grant of a token, counting the use. Looking up and permitting are one move.

    Raises TokenUnknown, GrantRevoked, GrantExpired or GrantNotYetValid.
    """
    grant = good_grant(session, token, now)
    session.execute(
        update(Grant)
        .where(Grant.id == grant.id)
        .values(uses=Grant.uses + 1, last_used_at=now)
        .execution_options(synchronize_session=False)
    )
    return grant


def good_grant(session: Session, token: str, now: datetime) -> Grant:
    """As `use_token`, without counting the use: also where nothing is written."""
    if not tokens.looks_like_token(token):
        raise TokenUnknown(
            "This access link is not complete.", remedy="Open the link as it was sent."
        )
    grant = session.scalar(select(Grant).where(Grant.token_sha256 == tokens.sha256(token)))
    if grant is None:
        raise TokenUnknown(
            "This access link is not known.", remedy="Ask the coordinator for a new one."
        )
    check_grant(session, grant, now)
    if SHARED_PERMITS & set(grant.permits):
        raise PinNeeded(
            "This link opens with a PIN, on its own page only.",
            remedy="Open the link in a browser.",
            grant=grant.id[:8],
        )
    return grant


def revoke_links_of(
    session: Session, case: Case, person_id: str, *, by: str, why: str, now: datetime
) -> list[Grant]:
    """Withdraw every link to the case that was made for this person and is still good; those it was."""
    wanted = select(Grant).where(
        Grant.case_id == case.id,
        Grant.person_id == person_id,
        Grant.revoked_at.is_(None),
        Grant.expires_at > now,
    )
    found = list(session.scalars(wanted))
    for one in found:
        revoke_grant(session, one, by=by, why=why, now=now)
    return found


def check_grant(session: Session, grant: Grant, now: datetime) -> None:
    """Raise GrantRevoked, GrantExpired or GrantNotYetValid unless the grant is good at `now`.

    The links of a person who was deactivated end with them, and what is shared ends with its consent.
    """
    remedy = "Ask the coordinator for a new one."
    if SHARED_PERMITS & set(grant.permits):
        check_consent(session, grant, now)
    if grant.revoked_at is not None and grant.revoked_at <= now:
        raise GrantRevoked("This access was withdrawn.", remedy=remedy, grant=grant.id[:8])
    person = session.get(Person, grant.person_id) if grant.person_id else None
    if person is not None and not person.active:
        raise GrantRevoked("This access was withdrawn.", remedy=remedy, grant=grant.id[:8])
    if now >= grant.expires_at:
        raise GrantExpired("This access has expired.", remedy=remedy, grant=grant.id[:8])
    if now < grant.not_before:
        raise GrantNotYetValid("This access is not valid yet.", remedy=remedy, grant=grant.id[:8])


def begin_launch(
    session: Session,
    case: Case,
    *,
    now: datetime,
    lasts: timedelta,
    grant: Grant | None = None,
    person: Person | None = None,
) -> BegunLaunch:
    """Begin a visit to one case that `lasts`, but never longer than the grant that opened it."""
    secret = tokens.new_secret()
    expires_at = now + lasts
    launch = Launch(
        id=tokens.new_launch_id(),
        secret_sha256=tokens.sha256(secret),
        case_id=case.id,
        grant_id=grant.id if grant else None,
        person_id=person.id if person else None,
        begun_at=now,
        expires_at=min(expires_at, grant.expires_at) if grant else expires_at,
    )
    session.add(launch)
    session.flush()
    return BegunLaunch(launch, secret)


def set_password(person: Person, password: str) -> None:
    """Give a new account its password; raises Invalid when it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(
            "The password was not set.",
            [FieldProblem("/password", f"A password has at least {SHORTEST_PASSWORD} characters.")],
        )
    person.password_hash = hashed(password)


def change_password(session: Session, person: Person, password: str, now: datetime) -> None:
    """Give an account another password, and end every session and visit that was begun with the old one:
    somebody else may have known it. Raises Invalid when it is too short."""
    set_password(person, password)
    session.execute(
        update(SignIn)
        .where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.execute(
        update(Launch)
        .where(Launch.person_id == person.id, Launch.grant_id.is_(None), Launch.expires_at > now)
        .values(expires_at=now)
    )


def sign_in(
    session: Session, *, email: str, password: str, code: str, now: datetime
) -> tuple[SignIn, str]:
    """Sign an account in; gives the session and the secret for its cookie.

    Raises SignInFailed (the same for every cause) or TooManyAttempts. `code` is the six-digit TOTP
    (RFC 6238) and is asked only of accounts that have one; each is good once.
    """
    person = person_of_email(session, email)
    kept = person.password_hash if person and person.active and person.password_hash else None
    good = verifies(kept or _NOBODYS_HASH, password) and kept is not None
    if not good or person is None or not take_code(session, person, code, now):
        raise SignInFailed(
            "The address, the password or the code is not right.",
            remedy=(
                "Try again, with the next code where one is asked: each is good once. An administrator "
                "can set a new password."
            ),
        )
    secret = tokens.new_secret()
    begun = SignIn(
        secret_sha256=tokens.sha256(secret),
        person_id=person.id,
        begun_at=now,
        expires_at=now + SIGN_IN_LASTS,
    )
    session.add(begun)
    session.flush()
    return begun, secret


def check_attempts(session: Session, email: str, now: datetime) -> None:
    """Raise TooManyAttempts when this address failed too often lately.

    Attempts on one address wait for each other until their transactions end, so that many at once are
    counted one by one.
    """
    mark = tokens.sha256(email.strip().lower())
    if session.get_bind().dialect.name == "postgresql":
        # SQLite has one writer at a time anyway.
        session.execute(select(func.pg_advisory_xact_lock(int(mark[:15], 16))))
    failures = session.scalar(
        select(func.count(FailedSignIn.id)).where(
            FailedSignIn.email_sha256 == mark,
            FailedSignIn.at > now - FAILURES_COUNT_FOR,
        )
    )
    if (failures or 0) >= FAILURES_BEFORE_WAITING:
        raise TooManyAttempts(
            "There were too many failed attempts for this address.",
            remedy="Wait a quarter of an hour and try again.",
        )


def note_failure(session: Session, email: str, now: datetime) -> None:
    """Remember a failed attempt; call it in a transaction of its own. Those that count no more go."""
    forget_failures(session, now, FORGOTTEN_BESIDE)
    session.add(FailedSignIn(email_sha256=tokens.sha256(email.strip().lower()), at=now))
    session.flush()


def forget_failures(session: Session, now: datetime, most: int) -> int:
    """Delete at most so many failed attempts that nobody has to wait for any more; how many."""
    over = (
        select(FailedSignIn.id)
        .where(FailedSignIn.at <= now - FAILURES_COUNT_FOR)
        .order_by(FailedSignIn.at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(over).all()
    session.execute(delete(FailedSignIn).where(FailedSignIn.id.in_(ids)))
    return len(ids)


def sign_out(session: Session, secret: str, now: datetime) -> None:
    """End the account's session that this cookie's secret belongs to."""
    session.execute(
        update(SignIn).where(SignIn.secret_sha256 == tokens.sha256(secret)).values(ended_at=now)
    )


def end_visits(
    session: Session, person_id: str, launch_ids: Collection[str], now: datetime
) -> None:
    """End those of these visits that this account began; visits that began with a link go on."""
    session.execute(
        update(Launch)
        .where(
            Launch.id.in_(launch_ids),
            Launch.person_id == person_id,
            Launch.grant_id.is_(None),
            Launch.expires_at > now,
        )
        .values(expires_at=now)
    )
