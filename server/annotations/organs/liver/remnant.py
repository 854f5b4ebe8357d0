"""The future liver remnant measured against the smallest one its background allows.

Each published threshold stands with its own denominator. An index is a range: from the least to the
most it can be, given what was not entered; and around it the reader's variability. A threshold
inside the variability makes the remnant `borderline` and asks for a second volumetry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Option,
    Options,
    Ruleset,
    Threshold,
    Trust,
    in_sentence,
    result,
)
from server.annotations.organs.liver import formulae
from server.annotations.organs.rule import PublishedTable

ADEQUATE: Final = Category(0, "adequate", "Adequate remnant")
BORDERLINE: Final = Category(1, "borderline", "Borderline remnant: repeat the volumetry")
INADEQUATE: Final = Category(2, "inadequate", "Inadequate remnant")

BACKGROUNDS: Final = {  # code -> words, from the most to the least forgiving
    "normal": "normal liver",
    "steatosis_or_chemotherapy": "steatosis or chemotherapy",
    "severe_steatosis_or_sinusoidal_injury_or_cholestasis": (
        "severe steatosis, sinusoidal injury or cholestasis"
    ),
    "fibrosis_or_cirrhosis": "fibrosis or cirrhosis",
}

ANY_BACKGROUND: Final = ""

VARIABILITY: Final = Option(
    "variability",
    ("10_percent", "none"),
    "10_percent",
    "Half-width of the reader's variability around the remnant, in per cent of its volume "
    "(unpublished default). With none a value at the threshold passes and one below fails.",
)

# Nobody is outside these: 67 inches and 154 pounds taken for cm and kg make 343 [engineering choice].
LEAST_BODY_MASS_INDEX: Final = 7.0
MOST_BODY_MASS_INDEX: Final = 200.0
# Nobody's liver or remnant is smaller: 1.6 and 0.4 are litres typed for mL [engineering choice].
LEAST_VOLUME_ML: Final = 10.0


@dataclass(frozen=True)
class Limit:
    """A published minimum. `minimum` is in the unit of the family's index; a value equal to it
    passes.

    `choice` names the option value under which it applies where a background has several.
    `exclusive` marks a minimum printed as "more than": there a value equal to it fails.
    """

    rule: str
    background: str
    minimum: float
    source: str
    trust: Trust
    choice: str = ""
    exclusive: bool = False


@dataclass(frozen=True)
class Index:
    """An index between what it can least and most be; `missing` names the answers that widen it."""

    least: float
    most: float
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Family(PublishedTable):
    """Thresholds that share one index and so one denominator.

    `drawn` says that the index is the share a segmentation gives, so that the minima may stand as
    marks on its bar. `applies` gives the sentence why the family does not speak of a case, or
    nothing; `narrowed` picks the minima for one case where more than the background decides.
    """

    unit: str
    denominator: str
    index: Callable[[Answers], Index]
    limits: tuple[Limit, ...]
    drawn: bool = False
    applies: Callable[[Answers], str] = lambda _answers: ""
    narrowed: Callable[
        [tuple[Limit, ...], Answers], tuple[tuple[Limit, ...], tuple[Missing, ...]]
    ] = lambda limits, _answers: (limits, ())

    def ruleset(self) -> Ruleset:
        """The family as a ruleset: each asks by how much readers vary."""
        return replace(super().ruleset(), options=(*self.options, VARIABILITY))

    def evaluate(self, answers: Answers, options: Options) -> Evaluation:
        """The table applied to answers of any shape."""
        limits, undecided = _limits(self, answers, options)
        flags = volume_flags(answers)
        text = self.applies(answers)
        if text or not limits:
            words = BACKGROUNDS.get(str(answers.get("background")), "")
            text = text or f"{self.title} gives no minimum for {words}."
            return Evaluation(
                self.id,
                self.title,
                self.version,
                flags=(Flag("not_addressed", text), *flags),
            )
        index = self.index(answers)
        best, worst = _ends(limits, index, options)
        mildest = min(limits, key=lambda limit: limit.minimum)
        strictest = max(limits, key=lambda limit: limit.minimum)
        missing = tuple(
            one
            for one in undecided
            if best != worst and _narrows(self, answers, options, one, (best, worst))
        )
        if any(
            judge(index.most, one, options) != judge(index.least, one, options) for one in limits
        ):
            missing = (*missing, *index.missing)
        flags = (*flags, *_functional_flags(self, answers, options, worst))
        return Evaluation(
            ruleset=self.id,
            title=self.title,
            version=self.version,
            **result(best, worst),
            fired=_fired(self, index, {mildest, strictest}, options) if best == worst else (),
            missing=(missing or undecided) if best != worst else (),
            flags=flags,
            thresholds=_marks(self, limits, answers),
        )


def functional_only(answers: Answers) -> Answers | None:
    """The answers with what stays perfused and drained as the remnant, where that is less of it."""
    flr, functional = positive(answers, "flr_ml"), positive(answers, "flr_functional_ml")
    if flr is None or functional is None or functional >= flr:
        return None
    return {**answers, "flr_ml": functional}


def functional_flag(reduced: Answers, label: str) -> Flag:
    """That the part of the remnant which stays perfused and drained would alone be judged worse."""
    part = f"{reduced['flr_ml']:g} mL of the remnant stay perfused and drained"
    return Flag(
        "functional_remnant", f"{part}; alone they are judged worse ({in_sentence(label)})."
    )


def _functional_flags(
    family: Family, answers: Answers, options: Options, worst: Category
) -> Iterator[Flag]:
    reduced = functional_only(answers)
    if reduced is None:
        return
    judged = family.evaluate(reduced, options)
    if judged.worst and judged.worst > worst:
        yield functional_flag(reduced, judged.worst.label)


def _ends(limits: tuple[Limit, ...], index: Index, options: Options) -> tuple[Category, Category]:
    """The best and the worst that the index can be against any of the minima."""
    return (
        min(judge(index.most, limit, options) for limit in limits),
        max(judge(index.least, limit, options) for limit in limits),
    )


def _narrows(
    family: Family,
    answers: Answers,
    options: Options,
    missing: Missing,
    ends: tuple[Category, Category],
) -> bool:
    """Whether one of the answers that `missing` asks for would narrow these ends."""
    name, index = missing.pointer.removeprefix("/"), family.index(answers)
    for value in BACKGROUNDS if name == "background" else ("yes", "no"):
        limits, _ = _limits(family, {**answers, name: value}, options)
        if limits and _ends(limits, index, options) != ends:
            return True
    return False


def _marks(family: Family, limits: tuple[Limit, ...], answers: Answers) -> tuple[Threshold, ...]:
    """The minima to draw: none while the background is open, for then they are not this liver's."""
    background = answers.get("background")
    if not family.drawn or not isinstance(background, str) or background not in BACKGROUNDS:
        return ()
    return tuple(
        Threshold(
            limit.minimum,
            BACKGROUNDS.get(limit.background, "any liver"),
            family.denominator,
            limit.source,
            limit.trust,
        )
        for limit in limits
    )


def judge(value: float, limit: Limit, options: Options) -> Category:
    """A value against a minimum; borderline where the variability straddles it."""
    share = 0.1 if options["variability"] == "10_percent" else 0.0
    # Rounded so that binary fractions do not decide a value that is exactly on the threshold.
    low, high = (round(value * factor, 9) for factor in (1 - share, 1 + share))
    if low > limit.minimum or (low == limit.minimum and not limit.exclusive):
        return ADEQUATE
    reaches = high > limit.minimum or (high == limit.minimum and not limit.exclusive)
    return BORDERLINE if reaches else INADEQUATE


def number(answers: Answers, name: str) -> float | None:
    """A finite number among the answers, or None."""
    value = answers.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def positive(answers: Answers, name: str) -> float | None:
    """A number above zero among the answers, or None."""
    value = number(answers, name)
    return value if value is not None and value > 0 else None


def gaps(answers: Answers, names: Mapping[str, str]) -> tuple[Missing, ...]:
    """What of `names` (answer -> words) was not entered."""
    return tuple(
        Missing(f"/{name}", f"{words} not entered.")
        for name, words in names.items()
        if (number if name == "tumour_ml" else positive)(answers, name) is None
    )


def volume_contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Volumes, and measures of a body, that cannot all be true, as (JSON pointer, sentence)."""
    flr, total = positive(answers, "flr_ml"), positive(answers, "total_liver_ml")
    tumour, typed = number(answers, "tumour_ml"), number(answers, "flr_percent")
    found = [
        (f"/{name}", f"{words} of {volume:g} mL: in mL, and not in litres?")
        for name, words, volume in (
            ("flr_ml", "A remnant", flr),
            ("total_liver_ml", "A whole liver", total),
        )
        if volume is not None and volume < LEAST_VOLUME_ML
    ]
    if total is not None and tumour is not None and tumour >= total:
        found.append(("/tumour_ml", "The tumour is not smaller than the whole liver."))
    elif flr is not None and total is not None:
        if flr > total - (tumour or 0):
            found.append(("/flr_ml", "The remnant is larger than the liver without tumour."))
        elif tumour is not None and typed is not None:
            computed = formulae.flr_percent(flr, total, tumour)
            if abs(computed - typed) > 0.5:
                text = f"FLR of {typed:.1f} % is given; the volumes make {computed:.1f} %."
                found.append(("/flr_percent", text))
    functional = positive(answers, "flr_functional_ml")
    if flr is not None and functional is not None and functional > flr:
        text = "The perfused and drained remnant is larger than the remnant."
        found.append(("/flr_functional_ml", text))
    height, weight = positive(answers, "height_cm"), positive(answers, "weight_kg")
    if height is not None and weight is not None:
        index = formulae.body_mass_index_kg_m2(height, weight)
        if not LEAST_BODY_MASS_INDEX <= index <= MOST_BODY_MASS_INDEX:
            text = f"{height:g} cm and {weight:g} kg make a body-mass index of {index:.0f}: in cm and kg?"
            found.append(("/height_cm", text))
    return found


def volume_flags(answers: Answers) -> tuple[Flag, ...]:
    """The contradictions among volumes, as flags."""
    return tuple(Flag("contradiction", text) for _, text in volume_contradictions(answers))


def _limits(
    family: Family, answers: Answers, options: Options
) -> tuple[tuple[Limit, ...], tuple[Missing, ...]]:
    in_force = tuple(
        limit for limit in family.limits if not limit.choice or _chosen(limit, options)
    )
    background = answers.get("background")
    missing: tuple[Missing, ...] = (Missing("/background", "Liver background not assessed."),)
    if isinstance(background, str) and background in BACKGROUNDS:
        in_force = tuple(one for one in in_force if one.background in (background, ANY_BACKGROUND))
        missing = ()
    elif all(limit.background == ANY_BACKGROUND for limit in in_force):
        missing = ()
    in_force, open_yet = family.narrowed(in_force, answers)
    return in_force, (*missing, *open_yet)


def _chosen(limit: Limit, options: Options) -> bool:
    return limit.choice in options.values()


def _fired(family: Family, index: Index, limits: set[Limit], options: Options) -> tuple[Fired, ...]:
    ordered = sorted(limits, key=lambda limit: limit.minimum)
    return tuple(
        Fired(limit.rule, limit.source, limit.trust, _sentence(family, index, limit, options))
        for limit in ordered
    )


def _sentence(family: Family, index: Index, limit: Limit, options: Options) -> str:
    words = f" for {BACKGROUNDS[limit.background]}" if limit.background else ""
    kind = "more than" if limit.exclusive else "minimum"
    against = f"{kind} {limit.minimum:g} {family.unit}{words}, of {family.denominator}"
    if index.least != index.most:
        most = f" to {_short(index.most)}" if math.isfinite(index.most) else " or more"
        return f"FLR {_short(index.least)}{most} {family.unit}; {against}."
    value = f"FLR {_short(index.least)} {family.unit}"
    if options["variability"] == "none":
        return f"{value}; {against}."
    low, high = _short(index.least * 0.9), _short(index.least * 1.1)
    return f"{value} ({low} to {high} with 10 % variability, unpublished); {against}."


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
