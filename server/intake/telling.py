"""Telling people that images arrived for a case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.intake.records import Arrival, ReceivedInstance
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to

# PS3.4 section B.5: presentation states (11), segmentations and registrations (66), reports and key
# object selections (88), documents (104), radiotherapy (481). What reviewers make is among these.
_NO_IMAGES: Final = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(11|66|88|104|481)(\.|$)")


def tell_of_images(
    session: Session,
    arrival: Arrival,
    case: Case,
    fresh: Sequence[ReceivedInstance],
    now: datetime,
) -> None:
    """Tell that `fresh` came for the case, where there are images among it. Told once for what settled
    together."""
    images = [one for one in fresh if not _NO_IMAGES.match(one.SOPClassUID)]
    if not images:
        return
    post(
        session,
        kind=NoticeKind.IMAGES_ARRIVED,
        case=case,
        to=to(Part.COORDINATOR, Part.HOSPITAL, Part.PANEL),
        facts={"count": len(images)},
        now=now,
        key=f"{NoticeKind.IMAGES_ARRIVED}:{arrival.id}:{arrival.instance_count}:{now.isoformat()}",
    )
