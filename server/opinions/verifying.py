"""Whether a document, or a number with its code, is an opinion of ours; and what became of it since.

Nothing is said of patient, hospital or case, and nothing of an opinion to whoever has neither its
document nor the code that is printed in it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.foundation.errors import TooMany
from server.opinions.queries import replaced_by
from server.opinions.records import FailedVerification, IssuedOpinion

FAILURES_COUNT_FOR: Final = timedelta(minutes=15)
FAILURES_BEFORE_WAITING: Final = 10
# As it stands in the seal, which is not compressed.
_MARK: Final = re.compile(
    rb"margin-(?:opinion|addendum) ([A-Z0-9-]{1,30}) ([0-9A-Z]{5}-[0-9A-Z]{5})"
)
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", "-": "", " ": ""})
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class TooManyVerifications(TooMany):
    """Too many questions from one place named no opinion of ours."""


class Outcome(StrEnum):
    """What is known of what was asked about."""

    GENUINE = "genuine"
    SUPERSEDED = "superseded"
    ALTERED = "altered"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verified:
    """The answer. But for `outcome`, everything is empty where the outcome is unknown."""

    outcome: Outcome
    number: str = ""
    status: str = ""
    signed_on: date | None = None
    superseded_by: str = ""
    superseded_on: date | None = None


@dataclass(frozen=True)
class Asked:
    """What somebody holds: the SHA-256 of a file, a number with its code, or both."""

    document_sha256: str = ""
    number: str = ""
    code: str = ""


def read_code(text: str) -> str:
    """A code as it is kept, whatever was mistaken for what when it was read from paper."""
    plain = text.strip().upper().translate(_MISREAD)
    return f"{plain[:5]}-{plain[5:]}"


def same_code(kept: str, given: str) -> bool:
    """Whether somebody has the code of a document that has one; takes as long for every answer."""
    same = hmac.compare_digest(read_code(kept).encode(), read_code(given).encode())
    return same and bool(kept)


def mark_in(document: bytes) -> tuple[str, str] | None:
    """Number and code that stand in a PDF that was sealed here; None where there are none."""
    # Some punctuation is written by its code there (ISO 32000-2, 7.3.4.2).
    found = _MARK.search(document.replace(b"\\055", b"-"))
    return (found[1].decode(), found[2].decode()) if found else None


def verify(
    session: Session,
    asked: Asked,
    *,
    source: str,
    now: datetime,
    elsewhere: Callable[[Session, Asked], Verified | None] = lambda _session, _asked: None,
) -> Verified:
    """The answer to what was asked from `source` (an address; kept as a hash, and only of questions
    that named nothing of ours). `elsewhere` answers for documents that are no opinions but issued here
    as well. Raises TooManyVerifications.
    """
    _refuse_guessing(session, source, now)
    other = elsewhere(session, asked)
    if other is not None:
        return other
    found = _by_document(session, asked.document_sha256)
    if found is not None:
        return _standing(session, found)
    named = _by_code(session, asked.number, asked.code)
    if named is None:
        session.add(FailedVerification(source_sha256=_hashed(source), at=now))
        session.execute(delete(FailedVerification).where(FailedVerification.at < now - _KEPT))
        session.flush()
        return Verified(Outcome.UNKNOWN)
    if asked.document_sha256:
        # The file says which opinion it is, and it is not the file that was issued as that.
        return Verified(Outcome.ALTERED, named.number, named.status, named.requested_at.date())
    return _standing(session, named)


_KEPT: Final = timedelta(days=1)


def _standing(session: Session, found: IssuedOpinion) -> Verified:
    later = replaced_by(session, found.number)
    known = (found.number, found.status, found.requested_at.date())
    if later is None:
        return Verified(Outcome.GENUINE, *known)
    return Verified(Outcome.SUPERSEDED, *known, later.number, later.requested_at.date())


def _by_document(session: Session, document_sha256: str) -> IssuedOpinion | None:
    if not _SHA256.fullmatch(document_sha256):
        return None
    return session.scalars(
        select(IssuedOpinion).where(IssuedOpinion.sha256 == document_sha256)
    ).first()


def _by_code(session: Session, number: str, code: str) -> IssuedOpinion | None:
    """The opinion of that number where the code is right; a wrong number takes as long."""
    found = session.scalars(
        select(IssuedOpinion).where(IssuedOpinion.number == number.strip().upper()[:30])
    ).first()
    kept = found.verify_code if found is not None else ""
    return found if same_code(kept, code) else None


def _refuse_guessing(session: Session, source: str, now: datetime) -> None:
    failures = session.scalar(
        select(func.count(FailedVerification.id)).where(
            FailedVerification.source_sha256 == _hashed(source),
            FailedVerification.at > now - FAILURES_COUNT_FOR,
        )
    )
    if (failures or 0) >= FAILURES_BEFORE_WAITING:
        raise TooManyVerifications(
            "Too many questions from here named no opinion.",
            remedy="Wait a quarter of an hour and try again.",
        )


def _hashed(source: str) -> str:
    return sha256(f"verification from {_neighbourhood(source)}".encode()).hexdigest()


def _neighbourhood(source: str) -> str:
    """The address, of IPv6 the network of 64 bits that a line is given at least (RFC 6177): its holder has
    2^64 addresses to ask from."""
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return source
