"""Reading consents and shares, and who opened what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from server.access import tokens
from server.access.action import Action
from server.access.queries import GrantRevoked
from server.access.records import Grant
from server.access.sharing import standing
from server.access.sharing_records import Share, ShareConsent
from server.foundation.audit import AuditLine
from server.foundation.errors import NotFound

MOST_OPENINGS: Final = 200


class ConsentNotFound(NotFound):
    """The case has no such consent."""


class ShareNotFound(NotFound):
    """The case has no such share."""


class ConsentWithdrawn(GrantRevoked):
    """What was shared is not shared any more: the consent was withdrawn."""


class ConsentOver(GrantRevoked):
    """What was shared is not shared any more: the consent's time is over."""


class ConsentMissing(GrantRevoked):
    """A link that shows what is shared, and no consent on which it rests."""


def consents_to_share(session: Session, case_id: str) -> Sequence[ShareConsent]:
    """Every consent of a case, newest first, with its links."""
    return session.scalars(
        select(ShareConsent)
        .where(ShareConsent.case_id == case_id)
        .options(selectinload(ShareConsent.shares).selectinload(Share.grant))
        .order_by(ShareConsent.recorded_at.desc(), ShareConsent.id)
    ).all()


def consent_to_share(session: Session, case_id: str, consent_id: str) -> ShareConsent:
    """One consent of this case; raises ConsentNotFound."""
    found = session.get(ShareConsent, consent_id)
    if found is None or found.case_id != case_id:
        raise ConsentNotFound("This case has no such consent.", remedy="Reload the page.")
    return found


def share_of_case(session: Session, case_id: str, share_id: str) -> Share:
    """One link of this case; raises ShareNotFound."""
    found = session.get(Share, share_id)
    if found is None or found.consent.case_id != case_id:
        raise ShareNotFound("This case has no such link.", remedy="Reload the page.")
    return found


def share_of_token(session: Session, token: str) -> Share | None:
    """The share whose link this is, or None: then it is another grant's, or nobody's."""
    if not tokens.looks_like_token(token):
        return None
    return session.scalar(
        select(Share).join(Grant).where(Grant.token_sha256 == tokens.sha256(token))
    )


def share_of_grant(session: Session, grant_id: str) -> Share | None:
    """The share that a grant belongs to, or None."""
    return session.scalar(select(Share).where(Share.grant_id == grant_id))


def check_consent(session: Session, grant: Grant, now: datetime) -> None:
    """Raise unless a consent stands for what this grant shares: asked at every step of its visitors.

    Raises ConsentWithdrawn, ConsentOver or ConsentMissing.
    """
    share = share_of_grant(session, grant.id)
    if share is None:
        raise ConsentMissing("This is not shared with you.", remedy=_ASK, grant=grant.id[:8])
    consent = share.consent
    match standing(consent.valid_until, consent.revoked_at, now):
        case "withdrawn":
            raise ConsentWithdrawn(
                "The patient's consent to share this with you was withdrawn. "
                "Nothing of it can be opened any more.",
                remedy=_ASK,
                grant=grant.id[:8],
            )
        case "over":
            raise ConsentOver(
                f"The consent to share this with you ended on {consent.valid_until.isoformat()}.",
                remedy=_ASK,
                grant=grant.id[:8],
            )


_ASK: Final = "If you still need it, ask the coordinator or the patient."


@dataclass(frozen=True)
class Opening:
    """One thing that a recipient did, as the audit trail has it. `share_id` says by which link."""

    share_id: str
    at: datetime
    words: str
    refused: bool


_WORDS: Final[dict[tuple[str, str], str]] = {
    (Action.OPEN_LINK.value, "done"): "opened the link",
    (Action.OPEN_LINK.value, "refused"): "was refused at the door",
    (Action.SHARED_READ.value, "allowed"): "read the opinion",
    (Action.OPINION_READ.value, "allowed"): "took the opinion's data",
    (Action.IMAGES_READ.value, "allowed"): "opened images",
    (Action.SHARED_READ.value, "refused"): "was refused: no longer shared",
    (Action.IMAGES_READ.value, "refused"): "was refused images: no longer shared",
}


def openings(session: Session, case_number: str, shares: Iterable[Share]) -> list[Opening]:
    """What the recipients of these links did on the case, newest first, from the audit trail."""
    by_actor = {f"grant {share.grant_id[:8]}": share.id for share in shares}
    if not by_actor:
        return []
    lines = session.scalars(
        select(AuditLine)
        .where(
            or_(AuditLine.case_number == case_number, AuditLine.case_number.is_(None)),
            or_(*(AuditLine.actor.startswith(actor) for actor in by_actor)),
        )
        .order_by(AuditLine.sequence.desc())
        .limit(MOST_OPENINGS)
    )
    found = []
    for line in lines:
        words = _words(line)
        share_id = by_actor.get(line.actor[: len("grant ") + 8])
        if words and share_id:
            found.append(Opening(share_id, line.at, words, line.outcome == "refused"))
    return found


def _words(line: AuditLine) -> str:
    said = str(line.details.get("said", ""))
    if said == "pin_asked":
        return "came to the door and was asked for the PIN"
    if said == "pin_wrong":
        return "gave a wrong PIN"
    if said in ("pin_locked", "pin_shut"):
        return "was refused: too many wrong PINs"
    return _WORDS.get((line.action, line.outcome), "")
