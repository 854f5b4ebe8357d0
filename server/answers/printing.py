"""Making the PDFs of addenda and letters. Loads WeasyPrint: only a process that prints imports this."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from server.answers.actions import note_letter_printed, note_printed
from server.answers.addendum import Addendum, addendum_html, letter_html
from server.answers.queries import letter
from server.answers.records import OpinionAddendum
from server.cases.queries import case_by_id
from server.foundation import audit
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.opinions.pdf import pdf_of_html
from server.opinions.seal import sealed_as
from server.opinions.seal_key import SealKey


def print_addendum(
    db: Database,
    files: FileStore,
    payload: dict[str, Any],
    now: datetime,
    *,
    key: Callable[[], SealKey],
    verify_at: str,
) -> None:
    """Make and seal the PDF of a signed addendum. Can be repeated. `key` gives the seal's key when it is
    needed, `verify_at` is printed. Raises SealKeyUnusable.
    """
    with db.reading() as session:
        kept = session.get_one(OpinionAddendum, payload["addendum_id"])
        case_number = case_by_id(session, kept.case_id).number
    if kept.sha256:
        return
    sha256 = files.put(sealed_addendum(Addendum.from_json(kept.content), key(), verify_at))
    with db.writing() as session:
        note_printed(session, kept.id, sha256, now)
        audit.append(
            session,
            actor="worker",
            action="addendum.issue",
            object_=f"addendum {kept.number}",
            outcome="done",
            now=now,
            case_number=case_number,
        )


def sealed_addendum(addendum: Addendum, key: SealKey, verify_at: str) -> bytes:
    """The PDF of an addendum with the server's seal."""
    return sealed_as(
        pdf_of_html(addendum_html(addendum, verify_at)),
        key,
        reason=f"Addendum {addendum.number}, signed by {addendum.signed_by}, sealed by Margin",
        mark=f"margin-addendum {addendum.number} {addendum.code}",
    )


def print_letter(db: Database, files: FileStore, payload: dict[str, Any]) -> None:
    """Make the PDF of a letter as it was kept; nothing when it was edited again since."""
    of = (payload["case_id"], payload["kind"], payload["language"])
    with db.reading() as session:
        kept = letter(session, *of)
    if kept is None or kept.version != payload["version"] or kept.sha256:
        return
    sha256 = files.put(pdf_of_html(letter_html("Letter", kept.text, kept.language)))
    with db.writing() as session:
        note_letter_printed(session, *of, payload["version"], sha256)
