"""How values are put into words in an opinion: numbers with units, dates, what was not assessed."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime

from server.opinions.document import (
    Evaluation,
    FlrThreshold,
    Opinion,
    Verdict,
    VesselContact,
    Volume,
)
from server.opinions.words import ENGLISH, Words

NBSP = "\N{NO-BREAK SPACE}"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# The marks of trust in the order in which they are explained.
TRUSTS = ("sourced", "general_knowledge", "derived", "unpublished")
_TRUST_ALIASES = {"gk": "general_knowledge", "unpub": "unpublished"}

# Bidirectional overrides and isolates could make a sentence read as its opposite.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """The text with every character that cannot or must not be printed replaced by U+FFFD.

    Control characters (but not line feeds and tabs), lone surrogates, non-characters and
    bidirectional overrides; line ends become line feeds.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(REPLACEMENT if _unprintable(character) else character for character in text)


def _unprintable(character: str) -> bool:
    if character in "\n\t":
        return False
    if character in _BIDI_CONTROLS or (ord(character) & 0xFFFE) == 0xFFFE:
        return True
    return unicodedata.category(character) in ("Cc", "Cs")


def angle_words(vessel: VesselContact, words: Words = ENGLISH) -> str:
    """The contact in words. "Not assessed" is never worded like "no contact"."""
    if vessel.state in ("not_assessed", "not_visible"):
        return words[vessel.state]
    if vessel.contact_deg == 0:
        return words["haze_only"] if vessel.kind == "haze_only" else words["no_contact"]
    return words.said("of_circumference", degrees=vessel.contact_deg)


def kind_words(vessel: VesselContact, words: Words = ENGLISH) -> str:
    """What kind of contact it is, where there is any and it was recorded."""
    if not vessel.contact_deg or vessel.kind == "none":
        return ""
    return words[vessel.kind] if vessel.kind in ("solid", "haze_only") else vessel.kind


def ml(volume_ml: float | None, words: Words = ENGLISH) -> str:
    """A volume such as `420 mL` or `12.0 mL`; one decimal below 100 mL."""
    if volume_ml is None:
        return words["not_measured"]
    number = f"{volume_ml:.0f}" if abs(volume_ml) >= 99.95 else f"{volume_ml:.1f}"
    return f"{number}{NBSP}mL"


def percent(value: float | None, words: Words = ENGLISH) -> str:
    """A percentage with one decimal where it has one: `28.4 %`, `30 %`."""
    if value is None:
        return words["not_measured"]
    number = f"{value:.1f}"
    return f"{number.removesuffix('.0')}{NBSP}%"


def day(value: date | None, words: Words = ENGLISH) -> str:
    """A date as `2026-11-20`."""
    return words["date_unknown"] if value is None else value.strftime("%Y-%m-%d")


def moment(value: datetime | None, words: Words = ENGLISH) -> str:
    """A time in UTC as `2026-11-20 08:30 UTC`, the same in every language."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M UTC")


def status(opinion: Opinion, words: Words = ENGLISH) -> str:
    """Draft, preliminary or final."""
    return words[f"status_{'draft' if opinion.draft else opinion.status}"]


def verdict(given: Verdict, words: Words = ENGLISH) -> str:
    """The verdict as printed."""
    return words.term(given.label)


def denominator(said: str, words: Words = ENGLISH) -> str:
    """What a percentage is of, in plain words where the given ones are short-hand."""
    return words["measured_liver"] if said == "measured TLV - tumour" else words.term(said)


def age(taken: date | None, opinion: Opinion, words: Words = ENGLISH) -> str:
    """How old images were at the signature; empty where either date is unknown or in the wrong
    order.
    """
    signed = opinion.signed_at_utc
    if taken is None or signed is None or taken > signed.date():
        return ""
    days = (signed.date() - taken).days
    if days == 0:
        return words["same_day"]
    return words["one_day_before"] if days == 1 else words.said("days_before", days=days)


def against(volume: Volume, threshold: FlrThreshold, words: Words = ENGLISH) -> str:
    """Where the measured band lies against a threshold; a value at the threshold reaches it."""
    band = volume.band_percent
    if band is None:
        return words["not_measured"]
    low, high = band
    other = threshold.denominator != volume.denominator
    caution = words["other_denominator"] if other else ""
    if low >= threshold.percent:
        return words.said("band_reaches", caution=caution)
    if high < threshold.percent:
        return words.said("band_below", caution=caution)
    return words.said("band_undecided", caution=caution)


def trust_mark(trust: str, words: Words = ENGLISH) -> str:
    """The mark printed beside a rule or number; an unknown trust is printed as it stands."""
    key = trust.lower()
    return words.instead(f"trust_{_TRUST_ALIASES.get(key, key)}", trust)


def trust_marks(opinion: Opinion, words: Words = ENGLISH) -> list[tuple[str, str]]:
    """The marks used in this opinion with their meanings."""
    used = {fired.trust for evaluation in opinion.evaluations for fired in evaluation.fired}
    used |= {threshold.trust for threshold in opinion.thresholds}
    used |= {volume.uncertainty_trust for volume in opinion.volumes}
    keys = {_TRUST_ALIASES.get(one.lower(), one.lower()): one for one in used if one}
    known = [(words[f"trust_{one}"], words[f"trust_{one}_means"]) for one in TRUSTS if one in keys]
    unknown = sorted(one for key, one in keys.items() if key not in TRUSTS)
    return known + [(mark, words["trust_other_means"]) for mark in unknown]


def computed(evaluation: Evaluation, words: Words = ENGLISH) -> str:
    """The computed category, or between which categories it lies while findings are missing."""
    if evaluation.category is not None:
        return words.term(evaluation.category_label or evaluation.category)
    if evaluation.interval_label:
        ends = words.span(evaluation.interval_label) if words is not ENGLISH else None
        interval = (
            words.said("band", low=ends[0], high=ends[1]) if ends else evaluation.interval_label
        )
        return words.said("not_decided", interval=interval)
    return words["not_addressed"]


_TONES = {
    "resectable": "good",
    "adequate": "good",
    "kept": "good",
    "resectable_now": "good",
    "resectable_with_conditions": "amber",
    "borderline": "amber",
    "reconstruction": "amber",
    "conversion_then_reassess": "amber",
    "insufficient_imaging": "amber",
    "locally_advanced": "stop",
    "metastatic": "stop",
    "metastatic_no_surgery": "stop",
    "inadequate": "stop",
    "lost": "stop",
    "not_resectable_here": "stop",
}


def tone(code: str | None) -> str:
    """The colour family of a verdict or category; unknown codes are neutral, never reassuring."""
    return _TONES.get(code or "", "neutral")


def answer_is_long(opinion: Opinion) -> bool:
    """Whether question and answer, at about 88 characters a line, fill over 20 lines of page 1."""
    lines = sum(
        1 + len(line) // 88
        for text in (opinion.question, opinion.answer)
        for line in text.split("\n")
    )
    return lines > 20


def recommends(opinion: Opinion) -> bool:
    """Whether anything stands under "Recommendation"."""
    return bool(
        opinion.recommendation
        or opinion.operation
        or opinion.approach
        or opinion.alternatives
        or opinion.capabilities
    )


def sides_known(opinion: Opinion) -> bool:
    """Whether every drawn arc begins where the contact begins."""
    drawn = [vessel for vessel in opinion.vessels if vessel.contact_deg]
    return bool(drawn) and all(vessel.start_deg is not None for vessel in drawn)
