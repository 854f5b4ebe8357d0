"""The imaging on which an opinion stands: its limits in words, and whether it is too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.imaging.assessing import TOO_OLD
from server.imaging.queries import imaging_of
from server.imaging.wording import said


@dataclass(frozen=True)
class Ground:
    """What an opinion has to say of its images. `too_old` is a sentence where they are too old for a
    definitive verdict and nobody overrode that; `override` says who did, when and why.
    """

    limits: tuple[str, ...] = ()
    too_old: str = ""
    override: str = ""


def ground_of(session: Session, case: Case, on: date, language: str = "en") -> Ground:
    """The ground on a day; empty where the images were not assessed."""
    imaging = imaging_of(session, case.id, case.organ, on)
    if imaging is None:
        return Ground()
    limits = tuple(dict.fromkeys(said(one, language)[0] for one in imaging.limits))
    too_old = imaging.too_old
    return Ground(
        limits=limits,
        too_old=said(too_old, "en")[0] if too_old else "",
        override=next(
            (
                f"{one.reason} ({one.waived_by}, {one.waived_at:%Y-%m-%d})"
                for one in imaging.waivers.values()
                if one.finding_id in TOO_OLD
            ),
            "",
        ),
    )
