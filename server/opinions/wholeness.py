"""Whether what was issued is still what was signed, by its own hash and by the one in the audit trail."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.foundation import audit
from server.opinions.records import IssuedOpinion
from server.opinions.stored import content_sha256

READ_AT_ONCE = 100


def altered_opinions(session: Session) -> Iterator[str]:
    """What of any opinion is not as it was signed, as sentences that name it."""
    noted = audit.noted(session, "annotation.sign", "opinion", "content_sha256")
    wanted = (
        select(IssuedOpinion)
        .order_by(IssuedOpinion.number)
        .execution_options(yield_per=READ_AT_ONCE)
    )
    for one in session.scalars(wanted):
        signed = noted.pop(one.number, one.content_sha256)
        # Of those issued before there were hashes there is nothing to compare.
        if one.content_sha256 and _hashed(one) != one.content_sha256:
            yield f"The content of opinion {one.number} is not what was issued."
        elif signed != one.content_sha256:
            yield f"Opinion {one.number} is not the one that was signed, by the audit trail."
    for number in sorted(noted):
        yield f"Opinion {number}, which the audit trail says was signed, is not there."


def _hashed(one: IssuedOpinion) -> str:
    try:
        return content_sha256(one.content)
    except (AttributeError, KeyError, TypeError):
        return ""  # Not even of an opinion's form.
