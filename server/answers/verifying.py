"""Whether a file, or a number with its code, is an addendum that was issued here."""

from __future__ import annotations

from sqlalchemy.orm import Session

from server.answers.addendum import Addendum
from server.answers.queries import addendum_numbered, addendum_of_document
from server.answers.records import OpinionAddendum
from server.opinions.verifying import Asked, Outcome, Verified, same_code


def verified_addendum(session: Session, asked: Asked) -> Verified | None:
    """What is known of the addendum that is asked about; None where none fits, or the code is wrong."""
    sha256 = asked.document_sha256
    found = addendum_of_document(session, sha256) if sha256 else None
    if found is not None:
        return _said(Outcome.GENUINE, found)
    named = addendum_numbered(session, asked.number.strip().upper()[:40])
    code = Addendum.from_json(named.content).code if named is not None and named.sha256 else ""
    if not same_code(code, asked.code) or named is None:
        return None
    # The file says which addendum it is, and it is not the file that was issued as that.
    return _said(Outcome.ALTERED if sha256 else Outcome.GENUINE, named)


def _said(outcome: Outcome, found: OpinionAddendum) -> Verified:
    return Verified(outcome, found.number, "addendum", found.signed_at.date())
