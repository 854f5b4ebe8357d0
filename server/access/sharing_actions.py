"""Recording a consent, sharing on it, opening what was shared with a PIN, and ending it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.access import sharing
from server.access.action import Permit
from server.access.actions import check_grant, make_grant, revoke_grant
from server.access.passwords import hashed, verifies
from server.access.records import Grant
from server.access.sharing_queries import consents_to_share, share_of_token
from server.access.sharing_records import Share, ShareConsent
from server.cases.records import Case
from server.dossier.queries import standing_consent
from server.dossier.value_sets import CONSENT_WAYS
from server.foundation.days import WRITE_A_DAY, day_typed
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.opinions.queries import OpinionNotIssued, issued

LONGEST_NAME: Final = 200
LONGEST_REASON: Final = 2000


class NothingToShare(Conflict):
    """The case has no opinion yet that could be shared."""


class ConsentDoesNotStand(Conflict):
    """The consent on which a link was to rest is withdrawn or over."""


class CareWithoutConsent(Conflict):
    """The patient took back the consent to ask elsewhere: nothing of the case is shared."""


@dataclass(frozen=True)
class Agreed:
    """A consent as a form sends it. Days are texts, `2026-11-20`."""

    recipient: str = ""
    recipient_kind: str = ""
    what: str = sharing.OPINION
    pseudonymised: bool = False
    given_by: str = "patient"
    given_by_name: str = ""
    given_by_relation: str = ""
    given_on: str = ""
    how: str = ""
    document_id: str = ""
    valid_until: str = ""


@dataclass(frozen=True)
class MadeShare:
    """A share with its token and its PIN, which are known at this moment only."""

    share: Share
    token: str
    pin: str


@dataclass(frozen=True)
class Opened:
    """What came of an attempt to open a share. `grant` is set when it is open, and only then."""

    said: Literal["open", "pin_asked", "pin_wrong", "pin_locked", "pin_shut"]
    share: Share
    grant: Grant | None = None
    wait_until: datetime | None = None


def record_consent(
    session: Session, case: Case, agreed: Agreed, *, by: str, now: datetime
) -> ShareConsent:
    """Keep that one recipient may read the opinion. Raises Invalid."""
    today = now.date()
    problems = _objections(case, agreed)
    given_on = _day(agreed.given_on, "/given_on", problems)
    until = _day(agreed.valid_until, "/valid_until", problems)
    if given_on is not None and not (
        today - timedelta(days=sharing.OLDEST_CONSENT_DAYS) <= given_on <= today + _A_DAY
    ):
        wanted = "A consent is given today or within the last year; ask for it again otherwise."
        problems.append(FieldProblem("/given_on", wanted))
    if until is not None and not (
        today <= until <= today + timedelta(days=sharing.LONGEST_CONSENT_DAYS)
    ):
        wanted = f"A consent stands for today up to {sharing.LONGEST_CONSENT_DAYS} days."
        problems.append(FieldProblem("/valid_until", wanted))
    if problems or given_on is None or until is None:
        raise Invalid("The consent was not kept.", problems)
    consent = ShareConsent(
        case_id=case.id,
        recipient=agreed.recipient.strip()[:LONGEST_NAME],
        recipient_kind=agreed.recipient_kind,
        what=agreed.what,
        pseudonymised=agreed.pseudonymised,
        given_by=agreed.given_by,
        given_by_name=agreed.given_by_name.strip()[:LONGEST_NAME],
        given_by_relation=agreed.given_by_relation.strip()[:LONGEST_NAME],
        given_on=given_on,
        how=agreed.how,
        document_id=agreed.document_id or None,
        valid_until=until,
        recorded_at=now,
        recorded_by=by,
    )
    session.add(consent)
    session.flush()
    return consent


_A_DAY: Final = timedelta(days=1)  # the earth is ahead of UTC by up to fourteen hours


def _objections(case: Case, agreed: Agreed) -> list[FieldProblem]:
    found = []
    if not agreed.recipient.strip():
        found.append(FieldProblem("/recipient", "Write who may read it: a name and a place."))
    for pointer, value, known in (
        ("/recipient_kind", agreed.recipient_kind, sharing.RECIPIENTS),
        ("/what", agreed.what, sharing.WHAT),
        ("/given_by", agreed.given_by, sharing.GIVEN_BY),
        ("/how", agreed.how, CONSENT_WAYS),
    ):
        if value not in known:
            found.append(FieldProblem(pointer, "Choose one from the list."))
    if agreed.given_by == "representative":
        if not agreed.given_by_name.strip():
            found.append(FieldProblem("/given_by_name", "Write who agreed for the patient."))
        if not agreed.given_by_relation.strip():
            wanted = "Say by what right, such as legal guardian or power of attorney."
            found.append(FieldProblem("/given_by_relation", wanted))
    if agreed.document_id and agreed.document_id not in {one.id for one in case.documents}:
        found.append(FieldProblem("/document_id", "Choose a document of this case."))
    return found


def _day(text: str, pointer: str, problems: list[FieldProblem]) -> date | None:
    day = day_typed(text)
    if day is None:
        problems.append(FieldProblem(pointer, WRITE_A_DAY))
    return day


def share(
    session: Session, case: Case, consent: ShareConsent, *, by: str, now: datetime
) -> MadeShare:
    """Make a link for the recipient of a consent that stands; it ends when the consent does.

    Raises ConsentDoesNotStand, CareWithoutConsent or NothingToShare.
    """
    # Whoever withdraws the consent at this moment goes first, or waits and then ends this link too.
    session.refresh(consent, with_for_update=True)
    _check_may_share(session, case, consent, now)
    permits = {Permit.SHARED}
    if consent.what == sharing.OPINION_AND_IMAGES:
        permits.add(Permit.SHARED_IMAGES)
    made = make_grant(
        session,
        case=case,
        for_whom=consent.recipient,
        permits=frozenset(permits),
        expires_at=_end_of(consent.valid_until, now),
        issued_by=by,
        now=now,
        pseudonymised=consent.pseudonymised,
    )
    pin = new_pin()
    kept = Share(
        consent_id=consent.id, grant_id=made.grant.id, pin_hash=hashed(pin), pin_made_at=now
    )
    session.add(kept)
    session.flush()
    session.refresh(consent, ["shares"])
    return MadeShare(kept, made.token, pin)


def _check_may_share(session: Session, case: Case, consent: ShareConsent, now: datetime) -> None:
    if sharing.standing(consent.valid_until, consent.revoked_at, now) != "stands":
        raise ConsentDoesNotStand(
            "This consent does not stand any more, so nothing can be shared on it.",
            remedy="Record a new consent of the patient first.",
        )
    care = standing_consent(session, case)
    if care is not None and care.revoked_at is not None:
        raise CareWithoutConsent(
            "The patient took back the consent to ask for a second opinion.",
            remedy="Share nothing, or note a new consent under Records first.",
        )
    try:
        issued(session, case.id)
    except OpinionNotIssued:
        raise NothingToShare(
            "There is no opinion to share yet.",
            remedy="The consent is kept. Make the link when the opinion is issued.",
        ) from None


def _end_of(day: date, now: datetime) -> datetime:
    """The moment at which a day (UTC) is over."""
    return datetime.combine(day + _A_DAY, datetime.min.time(), tzinfo=now.tzinfo)


def new_pin() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**sharing.PIN_DIGITS):0{sharing.PIN_DIGITS}d}"


def renew_pin(session: Session, kept: Share, *, now: datetime) -> str:
    """Give a link another PIN and begin to count anew. The old one is good for nothing."""
    pin = new_pin()
    kept.pin_hash, kept.pin_made_at = hashed(pin), now
    kept.failures, kept.locked_until = 0, None
    session.flush()
    return pin


def open_share(session: Session, token: str, pin: str | None, now: datetime) -> Opened | None:
    """Try to open a share; None when the token is not that of a share.

    A wrong PIN is an answer and not an exception: its count must be kept. Attempts on one link wait for
    each other, so that many at once are counted one by one. Raises what `check_grant` raises.
    """
    known = share_of_token(session, token)
    if known is None:
        return None
    check_grant(session, known.grant, now)
    if not pin:
        return Opened("pin_asked", known)
    session.refresh(known, with_for_update=True)
    attempts = sharing.Attempts(known.failures, known.locked_until)
    if sharing.is_shut(attempts.failures):
        return Opened("pin_shut", known)
    wait_until = sharing.waits_until(attempts, now)
    if wait_until is not None:
        return Opened("pin_locked", known, wait_until=wait_until)
    if not _is(known.pin_hash, pin):
        failed = sharing.after_failure(attempts, now)
        known.failures, known.locked_until = failed.failures, failed.locked_until
        session.flush()
        if sharing.is_shut(failed.failures):
            return Opened("pin_shut", known)
        return Opened("pin_wrong", known, wait_until=sharing.waits_until(failed, now))
    known.failures, known.locked_until = 0, None
    session.execute(
        update(Grant)
        .where(Grant.id == known.grant_id)
        .values(uses=Grant.uses + 1, last_used_at=now)
        .execution_options(synchronize_session=False)
    )
    session.flush()
    return Opened("open", known, known.grant)


def _is(pin_hash: str, pin: str) -> bool:
    """Whether this is the PIN, in the time that Argon2 takes, whatever was typed."""
    typed = "".join(one for one in pin if one.isdigit())[: sharing.PIN_DIGITS + 1]
    return verifies(pin_hash, typed)


def withdraw_consent(
    session: Session, consent: ShareConsent, *, why: str, by: str, now: datetime
) -> ShareConsent:
    """End a consent and every link that rests on it, at once. Doing it twice changes nothing.

    Raises Invalid without a reason.
    """
    if not why.strip():
        wanted = FieldProblem("/why", "Say who withdrew it, and how you learned of it.")
        raise Invalid("The consent still stands.", [wanted])
    session.refresh(consent, with_for_update=True)
    if consent.revoked_at is None:
        consent.revoked_at, consent.revoked_by = now, by
        consent.revoked_why = why.strip()[:LONGEST_REASON]
    for kept in session.scalars(select(Share).where(Share.consent_id == consent.id)):
        revoke_grant(session, kept.grant, by=by, why="The consent was withdrawn.", now=now)
    session.flush()
    return consent


def withdraw_all(session: Session, case: Case, *, why: str, by: str, now: datetime) -> int:
    """End every consent of the case that was not withdrawn; how many there were."""
    standing = [one for one in consents_to_share(session, case.id) if one.revoked_at is None]
    for consent in standing:
        withdraw_consent(session, consent, why=why, by=by, now=now)
    return len(standing)


def end_share(session: Session, kept: Share, *, why: str, by: str, now: datetime) -> None:
    """End one link; the consent stands, and another link can be made on it."""
    revoke_grant(session, kept.grant, by=by, why=why, now=now)
