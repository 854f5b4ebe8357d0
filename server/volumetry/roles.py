"""Which segment is the liver, which the remnant, which a tumour: from its label, else from its
code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from server.foundation.errors import Invalid

Role = Literal["liver", "flr", "tumour"]


class SegmentRoleAmbiguous(Invalid):
    """Two segments both claim to be the liver, or both the remnant."""


@dataclass(frozen=True)
class Segment:
    """One item of the Segment Sequence (PS3.3 C.8.20.4): SegmentNumber, SegmentLabel and the Code
    Values of its property type."""

    number: int
    label: str
    type_scheme: str = ""
    type_code: str = ""

    @property
    def is_background(self) -> bool:
        """Whether it is what lies outside all segments: 125040 DCM, PS3.16 Annex D."""
        return (self.type_scheme, self.type_code) == ("DCM", "125040")


# Couinaud 1957; IV is sometimes drawn in two.
COUINAUD: Final = re.compile(r"\b(I{1,3}|IV[ab]?|VI{0,3})\b")
_ALL_OF_THEM: Final = frozenset({"I", "II", "III", "IV", "V", "VI", "VII", "VIII"})

_REMNANT: Final = frozenset({"flr", "remnant", "sflr"})
_TUMOUR: Final = frozenset(
    {"tumour", "tumours", "tumor", "tumors", "lesion", "lesions", "metastasis", "metastases"}
)
_WHOLE_LIVER: Final = frozenset({"liver", "whole", "total", "entire", "organ", "mask", "tlv"})
# SNOMED CT, and the SNOMED RT codes of older programs (PS3.16 Annex L, CID 7154 and CID 7159).
_LIVER_CODES: Final = frozenset({"10200004", "T-62000"})
_TUMOUR_CODES: Final = frozenset(
    {
        "108369006",
        "M-80000",
        "372087000",
        "M-80003",
        "14799000",
        "M-80006",
        "52988006",
        "M-01100",
        "4147007",
        "M-03000",
    }
)


def assign(segments: Sequence[Segment]) -> dict[Role, tuple[Segment, ...]]:
    """The segments of each role; a role nobody plays is absent. Several tumours are one role.

    A label decides before a code does: a remnant has no code of its own and is usually coded as
    liver. Without a liver, all its Couinaud segments together are the liver. Raises
    SegmentRoleAmbiguous.
    """
    found = _by_label_and_code(segments)
    _refuse_ambiguous(found)
    named = {name: one for one in segments if (name := couinaud_name(one.label))}
    if "liver" not in found and {name.rstrip("ab") for name in named} >= _ALL_OF_THEM:
        found["liver"] = list(named.values())
    return {role: tuple(members) for role, members in found.items()}


def _by_label_and_code(segments: Sequence[Segment]) -> dict[Role, list[Segment]]:
    found: dict[Role, list[Segment]] = {}
    undecided = []
    for segment in segments:
        role = _by_label(segment.label)
        if role is None:
            undecided.append(segment)
        else:
            found.setdefault(role, []).append(segment)
    by_code: dict[Role, frozenset[str]] = {"liver": _LIVER_CODES, "tumour": _TUMOUR_CODES}
    for role, codes in by_code.items():
        coded = [
            segment
            for segment in undecided
            if segment.type_code in codes and not _names_a_part(segment.label)
        ]
        if coded:
            found.setdefault(role, coded)
    return found


def _refuse_ambiguous(found: Mapping[Role, Sequence[Segment]]) -> None:
    single: tuple[Role, ...] = ("liver", "flr")
    for role in single:
        if len(found.get(role, ())) > 1:
            names = ", ".join(f"{segment.number} “{segment.label}”" for segment in found[role])
            raise SegmentRoleAmbiguous(
                f"More than one segment could be the {in_words(role)}: {names}.",
                remedy=f"Leave one segment whose label is “{in_words(role)}”.",
            )


def couinaud_name(label: str) -> str:
    """Which Couinaud segment a label names, such as IVa; empty for none."""
    found = COUINAUD.search(label)
    return found[1] if found and "segment" in label.lower() else ""


def in_words(role: Role) -> str:
    """The role as it is named to a reader."""
    return {"liver": "liver", "flr": "FLR", "tumour": "tumour"}[role]


def _by_label(label: str) -> Role | None:
    words = frozenset(re.findall(r"[a-z]+", label.lower()))
    if words & _REMNANT:
        return "flr"
    if words & _TUMOUR:
        return "tumour"
    if "liver" in words and words <= _WHOLE_LIVER:
        return "liver"
    return None


def _names_a_part(label: str) -> bool:
    # "Liver segment IV", "left lobe": coded as liver by many programs, and not the whole of it.
    words = frozenset(re.findall(r"[a-z]+", label.lower()))
    return bool(words & {"lobe", "vein", "veins", "vessels", "duct", "ducts"}) or (
        "liver" in words and not words <= _WHOLE_LIVER
    )
