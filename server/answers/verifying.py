"""Whether a file is an addendum that was issued here: asked where no opinion fits it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from server.answers.queries import addendum_of_document
from server.opinions.verifying import Outcome, Verified


def verified_addendum(session: Session, document_sha256: str) -> Verified | None:
    """What is known of the addendum whose PDF has this SHA-256; None where there is none."""
    found = addendum_of_document(session, document_sha256) if document_sha256 else None
    if found is None:
        return None
    return Verified(Outcome.GENUINE, found.number, "addendum", found.signed_at.date())
