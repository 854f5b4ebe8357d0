"""How values are put into words in an opinion: numbers with units, dates, what was not assessed."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime

from server.opinions.document import Evaluation, FlrThreshold, Opinion, VesselContact, Volume

NBSP = "\N{NO-BREAK SPACE}"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# The marks of trust as printed, with what they mean, in the order in which they are explained.
TRUST_WORDS: dict[str, tuple[str, str]] = {
    "sourced": ("sourced", "read in the source that is named"),
    "general_knowledge": ("not verified", "general knowledge, not found in a source"),
    "derived": ("derived", "completed by Margin where the published text is silent"),
    "unpublished": ("unpublished", "a proposal without a publication behind it"),
}
_TRUST_ALIASES = {"gk": "general_knowledge", "unpub": "unpublished"}

KIND_WORDS = {
    "none": "no contact",
    "solid": "solid contact",
    "haze_only": "stranding only, no solid contact",
}

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


def angle_words(vessel: VesselContact) -> str:
    """The contact in words. "Not assessed" is never worded like "no contact"."""
    if vessel.state == "not_assessed":
        return "not assessed"
    if vessel.state == "not_visible":
        return "not visible on these images"
    if vessel.contact_deg == 0:
        return KIND_WORDS["haze_only"] if vessel.kind == "haze_only" else "no contact"
    return f"{vessel.contact_deg}° of 360°"


def kind_words(vessel: VesselContact) -> str:
    """What kind of contact it is, where there is any and it was recorded."""
    if not vessel.contact_deg or vessel.kind == "none":
        return ""
    return KIND_WORDS.get(vessel.kind, vessel.kind)


def ml(volume_ml: float | None) -> str:
    """A volume such as `420 mL` or `12.0 mL`; one decimal below 100 mL."""
    if volume_ml is None:
        return "not measured"
    number = f"{volume_ml:.0f}" if abs(volume_ml) >= 99.95 else f"{volume_ml:.1f}"
    return f"{number}{NBSP}mL"


def percent(value: float | None) -> str:
    """A percentage with one decimal where it has one: `28.4 %`, `30 %`."""
    if value is None:
        return "not measured"
    number = f"{value:.1f}"
    return f"{number.removesuffix('.0')}{NBSP}%"


def day(value: date | None) -> str:
    """A date as `2026-11-20`."""
    return "date unknown" if value is None else value.strftime("%Y-%m-%d")


def moment(value: datetime | None) -> str:
    """A time in UTC as `2026-11-20 08:30 UTC`."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M UTC")


_DENOMINATORS = {"measured TLV - tumour": "the measured liver without tumour"}


def denominator(words: str) -> str:
    """What a percentage is of, in plain words where the given ones are short-hand."""
    return _DENOMINATORS.get(words, words)


def age(taken: date | None, opinion: Opinion) -> str:
    """How old images were at the signature; empty where either date is unknown or in the wrong
    order.
    """
    signed = opinion.signed_at_utc
    if taken is None or signed is None or taken > signed.date():
        return ""
    days = (signed.date() - taken).days
    if days == 0:
        return "on the day of the opinion"
    return f"{days} day{'' if days == 1 else 's'} before the opinion"


def against(volume: Volume, threshold: FlrThreshold) -> str:
    """Where the measured band lies against a threshold; a value at the threshold reaches it."""
    band = volume.band_percent
    if band is None:
        return "not measured"
    low, high = band
    other = threshold.denominator != volume.denominator
    caution = "; but it was measured against another denominator" if other else ""
    if low >= threshold.percent:
        return f"the whole band reaches the threshold{caution}"
    if high < threshold.percent:
        return f"the whole band is below the threshold{caution}"
    return f"the threshold lies inside the band, so this measurement does not decide{caution}"


def trust_mark(trust: str) -> str:
    """The mark printed beside a rule or number; an unknown trust is printed as it stands."""
    key = trust.lower()
    mark, _ = TRUST_WORDS.get(_TRUST_ALIASES.get(key, key), (trust, ""))
    return mark


def trust_marks(opinion: Opinion) -> list[tuple[str, str]]:
    """The marks used in this opinion with their meanings."""
    used = {fired.trust for evaluation in opinion.evaluations for fired in evaluation.fired}
    used |= {threshold.trust for threshold in opinion.thresholds}
    used |= {volume.uncertainty_trust for volume in opinion.volumes}
    marks = {trust_mark(trust) for trust in used if trust}
    known = [words for words in TRUST_WORDS.values() if words[0] in marks]
    unknown = sorted(marks - {mark for mark, _ in known})
    return known + [(mark, "a mark of the ruleset") for mark in unknown]


def computed(evaluation: Evaluation) -> str:
    """The computed category, or between which categories it lies while findings are missing."""
    if evaluation.category is not None:
        return evaluation.category_label or evaluation.category
    if evaluation.interval_label:
        return f"Not decided: {evaluation.interval_label}"
    return "Not addressed by this set"


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
        or opinion.conditions
        or opinion.capabilities
        or opinion.conversion
        or opinion.investigations
        or opinion.trial_eligibility
    )


def sides_known(opinion: Opinion) -> bool:
    """Whether every drawn arc begins where the contact begins."""
    drawn = [vessel for vessel in opinion.vessels if vessel.contact_deg]
    return bool(drawn) and all(vessel.start_deg is not None for vessel in drawn)
