"""Words for contrast phases in descriptions, as data: English, German, French, Spanish, Portuguese,
Chinese and Japanese.

Source: the tokens of the clinical fact sheet 5.2 [UNPUB], widened to the languages' usual terms. A
description is "commonly missing or incorrect" (fact sheet, S113): nothing here is proof.

Texts are compared without case, accents and punctuation. A word of letters counts only by itself:
"venous" is not found in "intravenous", nor "art" in "part", nor "port" in "airport".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.imaging.phase import ARTERIAL, Phase


@dataclass(frozen=True)
class Told:
    """One thing that a text says: a phase (INDETERMINATE: only whether contrast was given), which
    other phases the word would fit as well, how specific it is (0.0 to 1.0), and the word itself.
    """

    phase: Phase
    contrast: bool | None
    also: frozenset[Phase]
    weight: float
    word: str


@dataclass(frozen=True)
class _Entry:
    phase: Phase
    contrast: bool | None
    weight: float
    latin: tuple[str, ...]
    han: tuple[str, ...] = ()
    also: frozenset[Phase] = frozenset()


_AGENT: Final = (
    r"(?:(?:i v|iv|the|de|medio|meio|produit|agent|any|das|mdc|oral and|intravenous) )*"
    r"(?:contraste?|contrast medi(?:um|a)|con|cont|cm|km|kontrast(?:mittel)?|gad(?:o|olinium)?"
    r"|inj(?:ection|eccion|ecao|ecte|ektion)?|i v|iv|civ|cte|pdc|pc|mdc|c)"
)

# What else a series may be without: "T1 w/o FS" after contrast is no native phase.
_OF_SOMETHING_ELSE: Final = (
    r"(?! (?:the )?(?:fat|fs|sat|spair|spir|stir|sub|oral|rectal|enteral|breath|bh|resp|gat|trigger"
    r"|mar|metal|arte?f|motion|grasa|gras|graisse|gordura|fett|supr|suppr|unterdr))"
)
# From the most specific to the least: what has been read once is not read again.
_ENTRIES: Final = (
    # Virtual images without contrast are calculated from images with contrast.
    _Entry(Phase.INDETERMINATE, True, 0.5, (r"vnc", r"virtual (?:non|un) ?(?:contrast|enhanced)")),
    # "With and without" describes a protocol, not a series.
    _Entry(
        Phase.INDETERMINATE,
        None,
        0.0,
        (
            rf"(?:with|w) (?:(?:and|or|&|u) )?(?:without|wo)(?: {_AGENT})?",
            rf"(?:without|wo) (?:(?:and|or|&) )?with?(?: {_AGENT})?",
            rf"(?:mit (?:und|u) ohne|ohne (?:und|u) mit)(?: {_AGENT})?",
            rf"(?:avec et sans|sans et avec)(?: {_AGENT})?",
            rf"(?:con y sin|sin y con)(?: {_AGENT})?",
            rf"(?:com e sem|sem e com)(?: {_AGENT})?",
            rf"pre (?:and )?post(?: {_AGENT})?",
        ),
        ("平扫[+＋及和加]*增强", "平掃[+＋及和加]*增強", "単純[・+＋及び]*造影"),
    ),
    _Entry(
        Phase.HEPATOBILIARY,
        True,
        1.0,
        (
            r"hbp",
            r"hepato ?bil\w*",
            r"hepatocyt\w* phase",
            r"leberspezifisch\w*",
            r"(?:15|20|25|30) ?(?:min|mn|mins|minutes|minuten|minutos|minutas)",
        ),
        ("肝胆", "肝膽", "肝細胞(?:造影)?相", "肝细胞期", "肝細胞期", "20分", "간담도기"),
    ),
    _Entry(
        Phase.TRANSITIONAL,
        True,
        1.0,
        (
            r"transitional ?(?:phase)?", r"ubergangsphase", r"(?:fase )?transicional",
            r"(?:fase|phase) de trans\w*",
        ),
        ("移行相", "移行期", "过渡期", "過渡期"),
    ),
    _Entry(
        Phase.ARTERIAL_EARLY,
        True,
        1.0,
        (
            r"early art\w*",
            r"art(?:erial)? early",
            r"e ?art",
            r"ea(?: phase)?",
            r"eap",
            r"frue?h ?art\w*",
            r"frue?he? arteriell\w*",
            r"arteriel(?:le)? precoce",
            r"arterial (?:precoz|precoce|temprana|inicial)",
            r"cta",
            r"ct ?angio\w*",
            r"angio(?:graph\w*|scanner|tc|tac|ct)?",
        ),
        ("动脉早期", "早动脉期?", "早期动脉", "動脈早期", "早期動脈", "早期动脉相", "CTA"),
    ),
    _Entry(
        Phase.ARTERIAL_LATE,
        True,
        1.0,
        (
            r"late art\w*",
            r"art(?:erial)? late",
            r"l ?art",
            r"lap",
            r"hap",
            r"hepatic arterial(?: phase)?",
            r"spae?t ?art\w*",
            r"spae?te? arteriell\w*",
            r"arteriel(?:le)? tardi(?:f|ve)",
            r"arterial tardi[ao]",
            r"pancr\w* (?:phase|parenchym\w*|ph)",
            r"pankreas ?(?:parenchym)?(?:phase|ph)",
            r"pankreat\w* phase",
            r"(?:phase|temps|fase) (?:pancr\w*|parenchymateu\w*)",
            r"parenchym\w* ?phase",
        ),
        (
            "动脉晚期", "晚动脉期?", "晚期动脉", "動脈晚期", "後期動脈", "动脉后期", "胰腺期",
            "胰腺实质期", "胰實質期", "胰臟期", "膵実質相?", "膵相", "膵臓相", "動脈優位相",
        ),
    ),
    _Entry(
        Phase.DELAYED,
        True,
        0.9,
        (
            r"delay(?:ed)?", r"del(?! ?[a-z])", r"eq", r"equil\w*", r"excret\w*", r"urograph\w*",
            r"late (?:phase|venous|ven)", r"venous late", r"spae?t ?(?:phase|venos\w*|venoes\w*)?",
            r"verzoe?gert\w*", r"gleichgewicht\w*", r"ausscheidung\w*",
            r"(?:temps |phase )?tardi(?:f|ve)", r"(?:fase )?tardi[ao]", r"retardad[ao]",
            r"(?:fase (?:de )?)?eliminacion", r"urografica",
            r"(?:[2-9]|1[0-4]) ?(?:min|mn|mins|minutes|minuten|minutos)",
            r"d phase", r"cplus d",
        ),
        (
            "延迟", "延遲", "延时", "平衡期", "平衡相", "排泄期", "排泄相", "遅延", "後期相",
            "(?<![0-9])[2-9]分", "지연기",
        ),
        # "Transitional, 3 min" and "liver-specific late phase": the other word is the special one.
        frozenset({Phase.TRANSITIONAL, Phase.HEPATOBILIARY}),
    ),
    _Entry(
        Phase.PORTAL_VENOUS,
        True,
        1.0,
        (
            r"porto? ?-?ven\w*", r"portal(?:e|er|en)?(?: ven\w*)?(?: inflow)?(?: phase| phas)?",
            r"portalven\w*", r"portal ?venos\w*", r"pvp?", r"pv ?ph(?:ase)?", r"pvp?",
            r"port(?! ?a ?cath)", r"pfortader\w*", r"temps portal",
        ),
        ("门静脉期?", "門靜脈期?", "门脉期?", "門脈相?", "門脈期?", "门静脉相", "문맥기?"),
    ),
    _Entry(
        Phase.ARTERIAL_LATE,
        True,
        0.75,
        (
            r"art(?:s|e|er)?", r"arterial(?: phase)?", r"arteriell\w*", r"arterien\w*",
            r"arteriel(?:le)?s?", r"arteri[ao]", r"artph(?:ase)?", r"aph", r"a phase", r"cplus a(?! ?p)",
        ),
        ("动脉期?", "動脈相?", "動脈期?", "动脉相", "동맥기?"),
        ARTERIAL,
    ),
    _Entry(
        Phase.PORTAL_VENOUS,
        True,
        0.8,
        (
            r"ven", r"venous(?: phase)?", r"venos(?:e|er|a|o|en)?", r"venoes\w*", r"veineu(?:x|se)",
            r"venoso", r"nephro\w*", r"nefro\w*", r"v phase", r"cplus v",
        ),
        ("静脉期", "靜脈期", "静脈相", "静脉相", "静脈期", "实质期", "實質期"),
    ),
    _Entry(
        Phase.NATIVE,
        False,
        1.0,
        (
            rf"(?:without|no|w o|wo|ohne|o|vor|sans|ss|avant|sin|sem|s) {_AGENT}",
            rf"(?:without|ohne|sans|sin|sem){_OF_SOMETHING_ELSE}",
            r"(?:non|un|pre) ?(?:contrast\w*|con|enh\w*)",
            r"(?:non|not) inject\w*", r"non ?ce", r"nect", r"ncct", r"nc", r"tnc", r"woc",
            rf"wo{_OF_SOMETHING_ELSE}",
            r"precontrast\w*", r"pre gad\w*", r"unenh\w*", r"plain",
            r"nativ(?:[eoa]|phase|serie|aufnahme|scan)?",
            r"pre(?! ?(?:op|sat|treat|tx|chemo|therap|surg|stent|oper|scan))", r"natif",
            r"leer(?:aufnahme|serie|phase)?", r"basale?", r"simples?",
            r"cminus", r"kmminus", r"ivminus",
            r"injminus",
        ),
        ("平扫", "平掃", "非增强", "非增強", "未增强", "単純", "造影前", "非造影", "無造影", "조영 ?전"),
    ),
    _Entry(
        Phase.INDETERMINATE,
        True,
        0.5,
        (
            rf"(?:with|w|post|after|mit|nach|n|m|avec|apres|con|com|c|pos) {_AGENT}",
            r"(?:contrast )?enhanced", r"ce", r"cect", r"post ?con\w*", r"postcontrast\w*",
            r"injecte?e?", r"km", r"cplus", r"kmplus", r"ivplus", r"injplus", r"contraste?",
        ),
        ("增强", "增強", "造影", "조영"),
    ),
)  # fmt: skip

_LATIN: Final = "a-z"


def _compiled() -> tuple[tuple[_Entry, re.Pattern[str]], ...]:
    found = []
    for entry in _ENTRIES:
        latin = "|".join(sorted(entry.latin, key=len, reverse=True))
        pattern = rf"(?<![{_LATIN}])(?:{latin})(?![{_LATIN}])"
        if entry.han:
            pattern += "|" + "|".join(plain(one, keep_signs=True) for one in entry.han)
        found.append((entry, re.compile(pattern)))
    return tuple(found)


_SIGNS: Final = (
    # With stops they are phases; "AP" and "A/P" are abdomen and pelvis, "C.A.P." the chest with them.
    (re.compile(r"(?<![a-z.])a\. ?p(?:\.(?! ?[a-z]\.)|(?![a-z.]))"), " aph "),
    (re.compile(r"(?<![a-z.])(?:v\. ?p|p\. ?v)(?:\.(?! ?[a-z]\.)|(?![a-z.]))"), " pv "),
    (re.compile(r"(?<![a-z])w ?/ ?o(?![a-z])"), " without "),
    (re.compile(r"(?<![a-z])w ?/(?! ?wo)"), " with "),
    (re.compile(r"(?<![a-z])(c|s) ?/ ?"), r" \1 "),
    (re.compile(r"(?<![a-z])(c|km|iv|inj)\+"), r" \1plus "),
    (re.compile(r"(?<![a-z])(c|km|iv|inj)-(?![a-z0-9])"), r" \1minus "),
    (re.compile(r"(?<![a-z0-9])\+ ?(c|km)(?![a-z])"), r" \1plus "),
    (re.compile(r"(?<![a-z0-9])- ?(c|km)(?![a-z])"), r" \1minus "),
)
_SEPARATORS: Final = re.compile(r"[\s_\-./,;:()\[\]{}^|\\'\"=*#!]+")
_SECONDS: Final = re.compile(
    r"(?<![0-9.,])(\d{2,3}) ?(?:s|sec|secs|sek|seg|seconds?)(?![a-z])|(\d{2,3}) ?秒"
)


def plain(text: str, *, keep_signs: bool = False) -> str:
    """The text without case, accents and punctuation; signs such as "w/o" and "C+" in words."""
    text = unicodedata.normalize("NFKC", text).casefold()
    decomposed = unicodedata.normalize("NFD", text)
    text = unicodedata.normalize(
        "NFC", "".join(one for one in decomposed if not "\u0300" <= one <= "\u036f")
    )
    if keep_signs:
        return text
    for pattern, words in _SIGNS:
        text = pattern.sub(words, text)
    return _SEPARATORS.sub(" ", text).strip()


_PATTERNS: Final = _compiled()


def told_by(text: str) -> tuple[Told, ...]:
    """What a description says, the most specific first; empty when it says nothing of contrast."""
    rest = plain(_split_humps(text))
    found: list[Told] = []
    for entry, pattern in _PATTERNS:
        for match in list(pattern.finditer(rest)):
            word = match.group().strip()
            found.append(Told(entry.phase, entry.contrast, entry.also, entry.weight, word))
        rest = pattern.sub("\u0001", rest)
    return tuple(found)


def seconds_in(text: str) -> Iterator[int]:
    """Delays in seconds that a text names, such as 35 in "Abdomen arterial 35 s"; from 15 to 600."""
    for match in _SECONDS.finditer(plain(text)):
        value = int(match.group(1) or match.group(2))
        if 15 <= value <= 600:
            yield value


def _split_humps(text: str) -> str:
    """PortVen becomes Port Ven."""
    return re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z][a-zà-ÿ])", " ", text)
