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
from server.imaging.private_b_values import BEYOND


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

    @property
    def in_words(self) -> str:
        """As a radiologist writes it."""
        return _IN_WORDS.get(self, self.value.upper())

    @property
    def shows_phase(self) -> bool:
        """Whether it is the contrast phase that makes such a series one or the other."""
        return self in (Kind.T1, Kind.T1_DYNAMIC, Kind.UNKNOWN)


_IN_WORDS: Final = {
    Kind.T1_IN_OUT: "T1 in and opposed phase",
    Kind.T1_DYNAMIC: "T1, as of a dynamic",
    Kind.T2_FAT_SAT: "T2 with fat saturation",
    Kind.DIFFUSION: "diffusion",
    Kind.TRUFI: "balanced gradient echo",
    Kind.UNKNOWN: "kind not known",
}


_WORDS: Final = (
    (Kind.ADC, r"\b([ed]?adc)\b|apparent diff|表观扩散|見かけの拡散"),
    (
        Kind.DIFFUSION,
        r"dwi(bs)?\b|\b(dw|diff\w*|difus\w*|ep2d_diff\w*|resolve|ivim|trace|b ?\d{2,4})\b|trace ?w"
        r"|扩散|弥散|擴散|拡散",
    ),
    (
        Kind.MRCP,
        r"mrcp|cholangio|colangio|bili.?irm|cp(re?)?rm\b|胰胆管|胆管膵管|胆胰管|胰膽管|水成像",
    ),
    (
        Kind.T1_IN_OUT,
        r"in.{0,3}(and|&|/|\+|-|_)?.{0,3}(out|opp)|\b(opp(osed)?|out of|in)[ _-]?(ph(ase)?)\b"
        r"|\bip ?[/_-]? ?op\b|dual ?(echo|fl|ffe)|dixon.{0,8}\b(in|opp\w*|out)\b|opp.{0,3}\bin\b"
        r"|\b(in|out|opp) ?phase|fase e fora|\b(e[mn]|fora de) (fase|phase)\b|opposition de phase"
        r"|t1\W{0,3}(ip|op)\b|gegenphas|[同反]相位|[同逆]位相|化学シフト",
    ),
    (Kind.TRUFI, r"tru(e)?fi(sp)?|fiesta|b-?ffe|b-?tfe|balanced"),
    (
        Kind.T1_DYNAMIC,
        r"\b(dyn(a|amic|amik)?|vibe|lava|thrive|e-?thrive|tigre|quick ?3d|twist|grasp|disco)\w*"
        r"|din[aáâ]mi|dynami|hepatobil|\bhbp\b|动态|動態|ダイナミック",
    ),
    (
        Kind.T2_FAT_SAT,
        r"t2.{0,14}\b(fs|fat ?sat|spair|spir|stir|tirm|sg)\b|\b(stir|tirm)\b|压脂|脂肪抑制"
        r"|t2.{0,14}(fettges|fettunter|fat ?suppr|supres\S+ (de )?gra|suppression (de )?(la )?gra"
        r"|satur\S+ (de )?(la )?gra)",
    ),
    # Maps of T1, T2 and T2* are measurements, not pictures weighted by them.
    (Kind.T2, r"\bt2(?! ?(\*|star|map))|haste|ssfse|single ?shot|blade|propeller|multivane"),
    (Kind.T1, r"\bt1(?! ?(rho|map))|mprage|flash|\bfl(2|3)d|fspgr|spgr"),
)
# A Chinese or Japanese letter beside "ADC" does not make it another word.
_FLAGS: Final = re.IGNORECASE | re.ASCII
_SPOKEN: Final = tuple((kind, re.compile(words, _FLAGS)) for kind, words in _WORDS)
_HIGHEST_B: Final = 10_000
_LOW_B: Final = 10.0  # s/mm2: below, a diffusion sequence is not weighted
_T1_MOST_TR_MS, _T1_MOST_TE_MS = 800.0, 15.0
_T2_LEAST_TE_MS: Final = 60.0
# [GK] of the echo times below.
_MRCP_LEAST_TE_MS: Final = 500.0
# A description may lie, an echo time does not: below, no sequence is weighted by T2 (the first echo of
# several is not the only one), above, none by T1.
_NO_T2_BELOW_TE_MS: Final = 30.0
_NO_T1_ABOVE_TE_MS: Final = 50.0
_IN_OUT_MOST_TE_MS: Final = 12.0  # at 1.5 T fat and water are in phase every 4.6 ms
_FAT_ALONE: Final = re.compile(r"^\s*fat ?:|dixon\w*_f$", re.IGNORECASE)
_B_SEQUENCE: Final = re.compile(r"b(\d{1,4})(?!\d)", re.IGNORECASE)
_B_WORDS: Final = re.compile(r"(?<![a-z])b ?=? ?(\d{1,4}(?:[ _/,;+-]+b?\d{2,4})*)", re.IGNORECASE)
_IN_TYPES: Final = frozenset({"IN_PHASE", "IP", "IN"})
_OUT_TYPES: Final = frozenset({"OUT_PHASE", "OPP_PHASE", "OPPOSED_PHASE", "OP", "OUT"})


def kind_of(headers: Sequence[Header]) -> tuple[Kind, str]:
    """The kind of one MR series and why."""
    first = headers[0]
    types = {text.upper() for one in headers[:1] for text in one.texts("ImageType")}
    always = frozenset.intersection(
        *(frozenset(text.upper() for text in one.texts("ImageType")) for one in headers)
    )
    if "FAT" in always:
        return Kind.UNKNOWN, "ImageType says FAT: of a Dixon sequence the picture of fat alone."
    if "ADC" in always:
        return Kind.ADC, "ImageType says ADC."
    weights = sorted(_numbers(headers, "DiffusionBValue"))
    if weights and weights[-1] > _LOW_B:
        return Kind.DIFFUSION, f"b-values {_listed(weights)} s/mm²."
    if _FAT_ALONE.search(first.text("SeriesDescription")):
        return Kind.UNKNOWN, "Its description says that it is the picture of fat alone."
    spoken = _called(first)
    if by_maker := _by_makers_b(headers, spoken):
        return by_maker
    if spoken is not None:
        kind, word = spoken
        sentence = f"The description says “{word}”"
        if denied := _denied(kind, headers):
            return Kind.UNKNOWN, f"{sentence}, which {denied} denies."
        is_dual = kind is Kind.T1 and _has_two_short_echoes(headers)
        return (Kind.T1_IN_OUT if is_dual else kind), f"{sentence}."
    if _has_two_short_echoes(headers):
        return Kind.T1_IN_OUT, "Two short echo times: fat and water in and out of phase."
    return _by_timing(first, types)


def _by_makers_b(
    headers: Sequence[Header], spoken: tuple[Kind, str] | None
) -> tuple[Kind, str] | None:
    """Diffusion by the maker's own attribute. GE fills it in other sequences with other numbers: it counts
    where nothing else is named, or where the sequence is echo planar (PS3.3 C.8.3.1, ScanningSequence EP).
    """
    weights = sorted(_numbers(headers, BEYOND))
    if not weights or weights[-1] <= _LOW_B:
        return None
    first = headers[0]
    kind = spoken[0] if spoken is not None else Kind.UNKNOWN
    is_planar = "EP" in {text.upper() for text in first.texts("ScanningSequence")}
    if kind is Kind.ADC or not (kind in (Kind.UNKNOWN, Kind.DIFFUSION) or is_planar):
        return None
    where = next(one.texts(BEYOND)[-1] for one in headers if one.texts(BEYOND))
    return Kind.DIFFUSION, f"b-values {_listed(weights)} s/mm² in a private attribute of {where}."


def _numbers(headers: Sequence[Header], keyword: str) -> set[int]:
    return {round(b) for one in headers if (b := one.number(keyword)) is not None}


def _listed(weights: Sequence[int]) -> str:
    return ", ".join(map(str, weights[:8]))


def _called(first: Header) -> tuple[Kind, str] | None:
    """The kind that the texts call it, and the word; by a guessed character set only where the texts as
    they were read name none.
    """
    keywords = ("SeriesDescription", "ProtocolName")
    plain = " ".join(first.text(one) for one in keywords)
    guessed = " ".join(guess for one in keywords for guess in first.guessed(one))
    for said in (plain, guessed):
        text = re.sub(r"[_.,;:()]+", " ", said)
        for kind, pattern in _SPOKEN:
            if found := pattern.search(text):
                return kind, found.group(0)
    return None


def denied_kind(headers: Sequence[Header]) -> Kind:
    """The kind that a series is called and by its echo times cannot be; UNKNOWN where nothing is
    denied.
    """
    spoken = _called(headers[0])
    return spoken[0] if spoken and _denied(spoken[0], headers) else Kind.UNKNOWN


def _echoes_ms(headers: Sequence[Header]) -> set[float]:
    found = (one.number("EchoTime") or one.number("EffectiveEchoTime") for one in headers)
    return {echo for echo in found if echo}


def _denied(kind: Kind, headers: Sequence[Header]) -> str:
    """What the physics says against a description, "" when nothing does."""
    echoes = _echoes_ms(headers)
    if not echoes:
        return ""
    most, least = max(echoes), min(echoes)
    # STIR may have such an echo time as well: only what is called T2 and no more is denied.
    if kind is Kind.T2 and most < _NO_T2_BELOW_TE_MS:
        return f"an echo time of {most:g} ms"
    if kind in (Kind.T1, Kind.T1_DYNAMIC, Kind.T1_IN_OUT) and least > _NO_T1_ABOVE_TE_MS:
        return f"an echo time of {least:g} ms"
    return ""


def _has_two_short_echoes(headers: Sequence[Header]) -> bool:
    echoes = _echoes_ms(headers)
    return len(echoes) == 2 and max(echoes) <= _IN_OUT_MOST_TE_MS


def holds_in_out(headers: Sequence[Header]) -> bool:
    """Whether pictures of fat and water in and out of phase lie in one series, as of a Dixon sequence."""
    types = {
        text.upper()
        for one in headers
        for text in (*one.texts("ImageType"), *one.texts("FrameType"))
    }
    return bool(types & _IN_TYPES) and bool(types & _OUT_TYPES)


def b_values_of(headers: Sequence[Header]) -> tuple[int, ...]:
    """The b-values in s/mm² of a diffusion series, ascending: as the attribute has them, else the
    maker's own attribute, else the name of the sequence, else the description; empty where nothing tells.
    """
    written = _numbers(headers, "DiffusionBValue") or _numbers(headers, BEYOND)
    if not written:
        names = {one.text(key) for one in headers for key in ("SequenceName", "PulseSequenceName")}
        written = {int(b) for name in names for b in _B_SEQUENCE.findall(name)}
    if not written:
        texts = {headers[0].text("SeriesDescription"), headers[0].text("ProtocolName")}
        spoken = " ".join(found for text in texts for found in _B_WORDS.findall(text))
        written = {int(b) for b in re.findall(r"\d+", spoken)}
    return tuple(sorted(b for b in written if 0 <= b <= _HIGHEST_B))


def _by_timing(first: Header, types: set[str]) -> tuple[Kind, str]:
    echo = first.number("EchoTime") or first.number("EffectiveEchoTime")
    repetition = first.number("RepetitionTime")
    if types & {"IN_PHASE", "OUT_PHASE", "OPP_PHASE", "OPPOSED_PHASE"}:
        return Kind.T1_IN_OUT, "ImageType names the phase of fat and water."
    if echo is None:
        return Kind.UNKNOWN, "Neither description nor echo time tells the kind of sequence."
    timing = f"TE {echo:g} ms" + (f", TR {repetition:g} ms" if repetition is not None else "")
    if echo >= _MRCP_LEAST_TE_MS:
        return Kind.MRCP, f"Only standing fluid is bright: {timing}."
    if echo >= _T2_LEAST_TE_MS:
        return Kind.T2, f"Weighted by T2: {timing}."
    if echo <= _T1_MOST_TE_MS and repetition is not None and repetition <= _T1_MOST_TR_MS:
        is_3d = first.flag("MRAcquisitionType") == "3D"
        return (Kind.T1_DYNAMIC if is_3d else Kind.T1), f"Weighted by T1: {timing}."
    return Kind.UNKNOWN, f"{timing} does not tell the kind of sequence."
