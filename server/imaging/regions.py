"""Which part of the body a series is of, as its headers say and its pixels show. Pure.

An empty answer means not known: a series is turned away only where it is known to be of elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from server.imaging.headers import Header
from server.imaging.landmarks import Coverage, Landmark

HEAD, CHEST, ABDOMEN, PELVIS, OTHER = "head", "chest", "abdomen", "pelvis", "other"
# Words of BodyPartExamined (PS3.16 annex L) and of descriptions in seven languages.
_WORDS: Final = (
    (HEAD, r"head|brain|skull|neuro|cranio|schädel|schaedel|kopf|hirn|cerebr|cérébr|tête|cráneo"
           r"|crânio|cabeza|cabeça|头颅|颅脑|脑|头部|सिर"),
    (CHEST, r"chest|thorax|thorac|lung|pulm|pecho|tórax|torax|poumon|胸|肺|छाती"),
    (ABDOMEN, r"abd|liver|leber|hepat|hepát|hígado|higado|fígado|figado|foie|pancrea|pankrea"
              r"|páncrea|biliar|upper ?ab|oberbauch|bauch|腹|肝|胰|胆|पेट|यकृत"),
    (PELVIS, r"pelvi|becken|pélvi|bassin|rect(um|al)|rekt|prostat|盆|直肠|श्रोणि"),
    (OTHER, r"\b(neck|hals|cuello|knee|knie|ankle|foot|hand|wrist|shoulder|hip|spine|[clt]spine"
            r"|extremity|femur|tibia|breast|mamma|heart|cardiac|herz)\b|颈|脊柱|膝"),
)  # fmt: skip
_SPOKEN: Final = tuple((region, re.compile(words, re.IGNORECASE)) for region, words in _WORDS)
_TRUNK: Final = re.compile(
    r"\b(cap|tap|tha|nap|wb)\b|whole ?body|ganzk(ö|oe)rper|trunk|stamm|chest.?abd.?pel|tho.?abd"
    r"|cuerpo entero|corps entier|全身",
    re.IGNORECASE,
)
_WHOLE: Final = frozenset({CHEST, ABDOMEN, PELVIS})


def regions_said(header: Header) -> frozenset[str]:
    """What BodyPartExamined and the series' own texts name; the study's only when they name none."""
    for keywords in (
        ("BodyPartExamined", "SeriesDescription", "ProtocolName"),
        ("StudyDescription",),
    ):
        said = " ".join(header.text(one) for one in keywords)
        guessed = " ".join(guess for one in keywords for guess in header.guessed(one))
        if found := _found(said) or _found(guessed):
            return found
    return frozenset()


def _found(text: str) -> frozenset[str]:
    plain = re.sub(r"[_/+\\^-]+", " ", text)
    if _TRUNK.search(plain):
        return _WHOLE
    return frozenset(region for region, pattern in _SPOKEN if pattern.search(plain))


def regions_shown(coverage: Coverage | None) -> frozenset[str]:
    """What the pixels show of the trunk."""
    if coverage is None:
        return frozenset()
    places = (
        (CHEST, Landmark.LUNG_APEX),
        (ABDOMEN, Landmark.LIVER_DOME),
        (ABDOMEN, Landmark.LIVER_LOWER_EDGE),
        (PELVIS, Landmark.PELVIS),
    )
    return frozenset(region for region, landmark in places if coverage.shows(landmark))


def suits(wanted: str, said: frozenset[str], shown: frozenset[str]) -> bool:
    """Whether a series may be one of `wanted`: it is said or shown to be, or nothing is known."""
    known = said | shown
    return not wanted or not known or wanted in known
