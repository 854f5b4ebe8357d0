"""Which kind of MR sequence a series is: T1 in and opposed phase, T2, diffusion, dynamic. Pure.

By physics where the header has it (echo and repetition time, b-value, sequence), else by the words of
the description; makers' names for their sequences are in the table. [GK] The bounds of TE and TR are
those of textbooks; they only choose among kinds and are no threshold of quality.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from server.imaging.headers import Header


class Kind(StrEnum):
    """What an MR series is weighted by."""

    T1_IN_OUT = "t1_in_out"
    T1 = "t1"
    T1_DYNAMIC = "t1_dynamic"
    T2 = "t2"
    T2_FAT_SAT = "t2_fat_sat"
    DIFFUSION = "diffusion"
    ADC = "adc"
    MRCP = "mrcp"
    TRUFI = "trufi"
    UNKNOWN = "unknown"


_WORDS: Final = (
    (Kind.ADC, r"\b(e?adc)\b|apparent diff|表观扩散"),
    (Kind.DIFFUSION, r"\b(dwi|dw|diff\w*|ep2d_diff\w*|resolve|b ?\d{2,4})\b|trace ?w|扩散|弥散"),
    (Kind.MRCP, r"mrcp|cholangio|胰胆管"),
    (
        Kind.T1_IN_OUT,
        r"in.{0,3}(and|&|/|\+|-|_)?.{0,3}(out|opp)|\b(opp(osed)?|out of|in)[ _-]?(ph(ase)?)\b"
        r"|\bip ?[/_-]? ?op\b|dual ?(echo|fl|ffe)|dixon.{0,8}\b(in|opp\w*|out)\b|同反相位",
    ),
    (Kind.TRUFI, r"tru(e)?fi(sp)?|fiesta|b-?ffe|b-?tfe|balanced"),
    (
        Kind.T1_DYNAMIC,
        r"\b(dyn(a|amic|amik)?|vibe|lava|thrive|e-?thrive|tigre|quick ?3d|twist|grasp|disco)\w*"
        r"|hepatobil|\bhbp\b|动态",
    ),
    (
        Kind.T2_FAT_SAT,
        r"t2.{0,14}\b(fs|fat ?sat|spair|spir|stir|tirm)\b|\b(stir|tirm)\b|压脂",
    ),
    (Kind.T2, r"\bt2|haste|ssfse|single ?shot|blade|propeller|multivane"),
    (Kind.T1, r"\bt1|mprage|flash|\bfl(2|3)d|fspgr|spgr"),
)
_SPOKEN: Final = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _WORDS)
_LOW_B: Final = 10.0  # s/mm2: below, a diffusion sequence is not weighted
_T1_MOST_TR_MS, _T1_MOST_TE_MS = 800.0, 15.0
_T2_LEAST_TE_MS: Final = 60.0


def kind_of(headers: Sequence[Header]) -> tuple[Kind, str]:
    """The kind of one MR series and why."""
    first = headers[0]
    types = {text.upper() for one in headers[:1] for text in one.texts("ImageType")}
    if "FAT" in types:
        return Kind.UNKNOWN, "ImageType says FAT: of a Dixon sequence the picture of fat alone."
    if "ADC" in types:
        return Kind.ADC, "ImageType says ADC."
    weights = sorted(
        {round(b) for one in headers if (b := one.number("DiffusionBValue")) is not None}
    )
    if weights and weights[-1] > _LOW_B:
        return Kind.DIFFUSION, f"b-values {', '.join(map(str, weights[:8]))} s/mm²."
    said = f"{first.text('SeriesDescription')} {first.text('ProtocolName')}"
    text = re.sub(r"[_.,;:()]+", " ", said)
    for kind, pattern in _SPOKEN:
        found = pattern.search(text)
        if found:
            return kind, f"The description says “{found.group(0)}”."
    return _by_timing(first, types)


def _by_timing(first: Header, types: set[str]) -> tuple[Kind, str]:
    echo = first.number("EchoTime") or first.number("EffectiveEchoTime")
    repetition = first.number("RepetitionTime")
    if types & {"IN_PHASE", "OUT_PHASE", "OPP_PHASE", "OPPOSED_PHASE"}:
        return Kind.T1_IN_OUT, "ImageType names the phase of fat and water."
    if echo is None:
        return Kind.UNKNOWN, "Neither description nor echo time tells the kind of sequence."
    timing = f"TE {echo:g} ms" + (f", TR {repetition:g} ms" if repetition is not None else "")
    if echo >= _T2_LEAST_TE_MS:
        return Kind.T2, f"Weighted by T2: {timing}."
    if echo <= _T1_MOST_TE_MS and repetition is not None and repetition <= _T1_MOST_TR_MS:
        is_3d = first.flag("MRAcquisitionType") == "3D"
        return (Kind.T1_DYNAMIC if is_3d else Kind.T1), f"Weighted by T1: {timing}."
    return Kind.UNKNOWN, f"{timing} does not tell the kind of sequence."
