"""What Orthanc's log says about callers, taken into the records and the audit trail.

Orthanc says only in its log that it refused a sender. The log is read on from where it was read before;
the position is kept in the database, and a log that became shorter was rotated and is read anew. A
sender that knocks again and again is one record with a count, and one audit line for each reading.
Images that came again with other content have their study held (`server.intake.arrivals.doubting`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.foundation import audit
from server.intake.arrivals.doubting import note_repeat
from server.intake.arrivals.replacing import note_replaced
from server.intake.lines.orthanc_log import (
    UNKNOWN_CALLER,
    WRONG_ADDRESS,
    Echoed,
    Fact,
    Opened,
    Refusal,
    Repeated,
    Replaced,
    facts_in,
    refers_to_earlier,
)
from server.intake.lines.testing import state_of
from server.intake.records import FeedCursor, RefusedAssociation
from server.people.queries import lines

CURSOR = "orthanc log"
MOST_BYTES = 4 * 1024 * 1024
# A question about 1,000 instances fills 130 kB of the log, and an answer to it is tried for 10 s.
MOST_BEFORE_BYTES = 1024 * 1024
MOST_KEPT = 2000  # records; the oldest go first
MOST_AUDITED = 50  # lines in one reading: who makes up names must not flood the trail

# A line that breaks, a monitor that looks whether the port is open and a report that nobody takes are
# counted, but nobody tried anything that has to stand in the trail.
NOBODYS_ATTEMPT = ("nothing_asked", "cut", "aborted", "undelivered")

# What each reason means and what to do about it, for the pages.
IN_WORDS: dict[str, tuple[str, str]] = {
    "unknown_caller": (
        "calling AE title is not registered",
        "Register this title for its hospital, or ask the hospital which title it sends under.",
    ),
    "wrong_address": (
        "sends from another address than the registered one",
        "Correct the address of the line, or find out who else uses this title.",
    ),
    "wrong_called": (
        "called AE title is not ours",
        "Tell the hospital our title; it stands at the top of this page.",
    ),
    "not_dicom": (
        "what came is not DICOM",
        "Something that is no DICOM system knocked: a browser, a scanner of ports, a wrong port.",
    ),
    "tls": (
        "TLS was not agreed on",
        "One side speaks TLS and the other does not, or a certificate is not trusted.",
    ),
    "nothing_asked": (
        "the connection was closed without a request",
        "Harmless when a monitor checks the port; else a firewall lets only the opening through.",
    ),
    "nothing_accepted": (
        "nothing that was offered is taken here",
        "The sender offers only kinds of objects or transfer syntaxes that are not taken.",
    ),
    "silent": (
        "fell silent until the time was out",
        "The sender or the line hung. It sends again what was not confirmed.",
    ),
    "garbage": (
        "sent something that is not DICOM after it was let in",
        "A fault in the sender or on the line. What was confirmed before is kept.",
    ),
    "cut": (
        "the line was cut in the middle",
        "What was confirmed before is kept; the sender sends the rest again.",
    ),
    "aborted": (
        "the sender broke off",
        "Its log names the cause. What was confirmed before is kept.",
    ),
    "too_deep": (
        "an image was refused: its sequences lie in each other more than 32 deep",
        "It is damaged, or made to do harm. Everything else that was sent was looked at as always.",
    ),
    "absurd": (
        "an image was refused: its header announces a picture larger than any scanner makes",
        "It is damaged, or made to do harm. Everything else that was sent was looked at as always.",
    ),
    "short": (
        "an image was refused: its pixel data is shorter than its header says",
        "It is cut off or damaged. Have it sent again from the original; nothing of it was stored.",
    ),
    "no_pdf": (
        "a document was refused: it says that it is a PDF and is none",
        "Have it printed to a PDF anew. Everything else that was sent was looked at as always.",
    ),
    "no_uid": (
        "an image was refused: it lacks the UID of its study, of its series, or its own",
        "Nobody could tell which study it belongs to. Have it exported anew; nothing of it was stored.",
    ),
    "not_stored": (
        "an image was not stored: Orthanc could not read or keep it",
        "The sender was told so. Have it sent again from the original; when many fail, look whether the "
        "disk is full.",
    ),
    "undelivered": (
        "our report of storage commitment could not be delivered",
        "It asked whether its images are kept, and nobody took the answer where it is registered. Test "
        "the line; correct address and port, or have its listener started. It has to ask again then.",
    ),
}


def take_over(session: Session, log: Path, now: datetime) -> int:
    """Take what the log says since the last reading into records and trail; gives how many audit lines
    that made."""
    if not log.is_file():
        return 0
    cursor = session.get(FeedCursor, CURSOR)
    if cursor is None:
        cursor = FeedCursor(name=CURSOR, sequence=0, archive_ok=True)
        session.add(cursor)
    text, before, cursor.sequence = _read_on(log, cursor.sequence)
    cursor.checked_at = now
    facts = facts_in(text.splitlines(), before.splitlines())
    if not facts:
        return 0
    registered = {line.ae_title for line in lines(session)}
    _note_calls(session, facts, registered, now)
    for fact in facts:
        if isinstance(fact, Repeated):
            note_repeat(
                session,
                instance_id=fact.instance_id,
                study_id=fact.study_id,
                md5=fact.md5,
                sender=fact.ae_title,
                fault=fact.fault,
                now=now,
            )
        elif isinstance(fact, Replaced):
            note_replaced(session, fact, now)
    found = Counter(_judged(one, registered) for one in facts if isinstance(one, Refusal))
    for refusal, times in found.items():
        _count(session, refusal, times, now)
    _forget_the_oldest(session)
    return _into_the_trail(session, found, now)


def _judged(refusal: Refusal, registered: set[str]) -> Refusal:
    """Orthanc says the same of an unknown title and of a known one from a strange address."""
    if refusal.reason == UNKNOWN_CALLER and refusal.ae_title in registered:
        return Refusal(WRONG_ADDRESS, refusal.ae_title, refusal.address)
    return refusal


def _note_calls(
    session: Session, facts: Iterable[Fact], registered: set[str], now: datetime
) -> None:
    for fact in facts:
        if isinstance(fact, Refusal | Repeated | Replaced) or fact.ae_title not in registered:
            continue
        state = state_of(session, fact.ae_title)
        if isinstance(fact, Opened):
            state.associated_at, state.associated_from = now, fact.address[:64]
            state.associations += 1
        elif isinstance(fact, Echoed):
            state.echoed_at = now
    session.flush()


def _count(session: Session, refusal: Refusal, times: int, now: datetime) -> None:
    known = session.scalar(
        select(RefusedAssociation).where(
            RefusedAssociation.reason == refusal.reason,
            RefusedAssociation.calling_aet == refusal.ae_title[:64],
            RefusedAssociation.called_aet == refusal.called[:64],
            RefusedAssociation.address == refusal.address[:64],
        )
    )
    if known is None:
        known = RefusedAssociation(
            reason=refusal.reason,
            calling_aet=refusal.ae_title[:64],
            called_aet=refusal.called[:64],
            address=refusal.address[:64],
            times=0,
            first_at=now,
            last_at=now,
        )
        session.add(known)
    known.times, known.last_at, known.detail = known.times + times, now, refusal.detail
    session.flush()


def _forget_the_oldest(session: Session) -> None:
    count = session.scalar(select(func.count(RefusedAssociation.id))) or 0
    if count <= MOST_KEPT:
        return
    oldest = (
        select(RefusedAssociation.id).order_by(RefusedAssociation.last_at).limit(count - MOST_KEPT)
    )
    session.execute(delete(RefusedAssociation).where(RefusedAssociation.id.in_(oldest)))


def _into_the_trail(session: Session, found: Counter[Refusal], now: datetime) -> int:
    """One line for each refusal that came most often, and one for all the others together."""
    several = [one for one in found.most_common() if one[0].reason not in NOBODYS_ATTEMPT]
    for refusal, times in several[:MOST_AUDITED]:
        details: dict[str, object] = {"times": times}
        if refusal.called:
            details["called"] = refusal.called
        _audit(
            session,
            f"AE {refusal.ae_title or '(none)'} {refusal.address}".strip(),
            IN_WORDS[refusal.reason][0],
            details,
            now,
        )
    rest = several[MOST_AUDITED:]
    if rest:
        details = {"times": sum(times for _, times in rest), "callers": len(rest)}
        _audit(session, "AE (many others)", "several reasons", details, now)
    return min(len(several), MOST_AUDITED) + bool(rest)


def _audit(
    session: Session, actor: str, reason: str, details: dict[str, object], now: datetime
) -> None:
    audit.append(
        session,
        actor=actor,
        action="dicom.associate",
        object_="Orthanc",
        outcome="refused",
        now=now,
        reason=reason,
        details=details,
    )


def _read_on(log: Path, position: int) -> tuple[str, str, int]:
    """The whole lines behind `position`, those before them if they are referred to, and where all end."""
    size = log.stat().st_size
    start = position if position <= size else 0
    start = max(start, size - MOST_BYTES)
    with log.open("rb") as stream:
        stream.seek(start)
        content = stream.read(size - start)
        whole = content[: content.rfind(b"\n") + 1]
        text, before = whole.decode("utf-8", "replace"), b""
        if refers_to_earlier(text):
            stream.seek(max(0, start - MOST_BEFORE_BYTES))
            before = stream.read(min(start, MOST_BEFORE_BYTES))
    return text, before.decode("utf-8", "replace"), start + len(whole)
