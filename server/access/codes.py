"""Six-digit codes at sign-in (TOTP, RFC 6238): each is good once.

Whoever looks over a shoulder or reads a line along has the code while it is still valid; section 5.2
therefore forbids taking one again that was taken before.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from pyotp import TOTP, random_base32
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from server.people.records import Person

STEPS_OF_DRIFT: Final = 1  # RFC 6238 5.2 recommends at most one step of 30 s for delay and clocks


def ask_for_code(person: Person) -> str:
    """Give an account a fresh secret for six-digit codes; the address to enrol it by."""
    person.totp_secret, person.totp_last_step = random_base32(), None
    return TOTP(person.totp_secret).provisioning_uri(name=person.email, issuer_name="Margin")


def take_code(session: Session, person: Person, code: str, now: datetime) -> bool:
    """Whether `code` is good at `now`; then neither it nor an older one is good again.

    Of two that come with one code at the same moment one is told no. An account without a secret is asked
    for nothing.
    """
    if not person.totp_secret:
        return True
    step = _step_of(TOTP(person.totp_secret), code, now)
    if step is None:
        return False
    taken = session.execute(
        update(Person)
        .where(
            Person.id == person.id,
            or_(Person.totp_last_step.is_(None), Person.totp_last_step < step),
        )
        .values(totp_last_step=step)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def _step_of(totp: TOTP, code: str, now: datetime) -> int | None:
    """The newest time step around `now` whose code this is."""
    current = totp.timecode(now)
    for step in range(current + STEPS_OF_DRIFT, current - STEPS_OF_DRIFT - 1, -1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None
