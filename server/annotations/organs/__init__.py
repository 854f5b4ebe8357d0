"""The one list of organs. An organ is a folder here and a line in ORGANS."""

from __future__ import annotations

from typing import Final

from server.annotations.organs.gastric import GASTRIC
from server.annotations.organs.generic import GENERIC
from server.annotations.organs.liver import LIVER
from server.annotations.organs.lung import LUNG
from server.annotations.organs.organ import Organ
from server.annotations.organs.pancreas import PANCREAS
from server.annotations.organs.perihilar import PERIHILAR
from server.annotations.organs.rectum import RECTUM
from server.annotations.organs.sarcoma import SARCOMA
from server.foundation.errors import NotFound

ORGANS: Final[dict[str, Organ]] = {
    organ.id: organ
    for organ in (
        PANCREAS,
        LIVER,
        PERIHILAR,
        RECTUM,
        LUNG,
        GASTRIC,
        SARCOMA,
        GENERIC,
    )
}


class OrganNotFound(NotFound):
    """There is no form for an organ of that name."""


def organ_named(organ_id: str) -> Organ:
    """The organ of that id. Raises OrganNotFound."""
    found = ORGANS.get(organ_id)
    if found is None:
        raise OrganNotFound(
            f'There is no organ "{organ_id[:60]}".', remedy=f"Organs are: {', '.join(ORGANS)}."
        )
    return found


__all__ = ["ORGANS", "Organ", "OrganNotFound", "organ_named"]
