"""The remnant before and after augmentation, from the answers of a case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
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
    Trust,
    result,
)
from server.annotations.organs.liver import formulae
from server.annotations.organs.liver.growth import (
    DH_LEAST_PP,
    DH_PP,
    GrowthNotComputable,
    Method,
    Phase,
    Standing,
    Volumetry,
    standing,
)
from server.annotations.organs.liver.remnant import BACKGROUNDS, Limit, gaps, positive
from server.annotations.organs.liver.thresholds import BODY, FLR, STANDARDISED

SOURCE: Final = "PMC3632508 (DH, KGR); the order of steps is an unpublished proposal"
LABELS: Final = {
    Phase.ADEQUATE: "Adequate remnant",
    Phase.ADEQUATE_AFTER: "Adequate after augmentation",
    Phase.RE_MEASURE: "Measure again after augmentation",
    Phase.AUGMENT: "Augmentation planned",
    Phase.INADEQUATE: "Inadequate remnant, augmentation to be considered",
    Phase.FAILED_GROWTH: "Growth after augmentation failed",
}
CATEGORIES: Final = {
    phase: Category(rank, phase.value, words) for rank, (phase, words) in enumerate(LABELS.items())
}


def evaluate(answers: Answers, options: Options) -> Evaluation:
    """Where the case stands between volumetry, augmentation and gate."""
    limit = _limit(answers)
    if isinstance(limit, Flag):
        return Evaluation(RULESET.id, RULESET.title, RULESET.version, flags=(limit,))
    missing = list(_missing(answers))
    if limit is None or missing:
        if limit is None:
            missing.insert(0, Missing("/background", "Liver background not assessed."))
        everything = (CATEGORIES[Phase.ADEQUATE], CATEGORIES[Phase.FAILED_GROWTH])
        return Evaluation(
            RULESET.id,
            RULESET.title,
            RULESET.version,
            **result(*everything),
            missing=tuple(missing),
        )
    try:
        found = _standing(answers, limit, options)
    except GrowthNotComputable as broken:
        flag = Flag("contradiction", broken.detail)
        return Evaluation(
            RULESET.id,
            RULESET.title,
            RULESET.version,
            flags=(Flag("not_addressed", "No growth can be told between these dates."), flag),
        )
    trust = _trust(found, options)
    fired = Fired(f"AUG-{found.phase.value.upper()}", SOURCE, trust, found.text)
    return Evaluation(
        RULESET.id,
        RULESET.title,
        RULESET.version,
        category=CATEGORIES[found.phase],
        fired=(fired,),
        flags=tuple(_remarks(found, limit)),
        capabilities=("portal_vein_embolisation",) if found.phase == Phase.INADEQUATE else (),
    )


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Dates out of order, as (JSON pointer, sentence)."""
    earlier, done = _day(answers, "flr_earlier_on"), _day(answers, "augmentation_on")
    now = _day(answers, "flr_on")
    found = []
    if done and now and earlier and now <= done:
        text = f"The volumetry of {now} is not after the augmentation of {done}."
        found.append(("/flr_on", text))
    if done and earlier and earlier > done:
        text = f"The earlier volumetry, of {earlier}, is after the augmentation of {done}."
        found.append(("/flr_earlier_on", text))
    return found


def _standing(answers: Answers, limit: Limit, options: Options) -> Standing:
    method, done = _method(answers), _day(answers, "augmentation_on")
    current = _volumetry(answers, "flr_ml", "flr_on", date.max)
    earlier = _volumetry(answers, "flr_earlier_ml", "flr_earlier_on", date.min)
    dh_least_pp = DH_PP if options["gate"] == "dh-7.5" else DH_LEAST_PP
    if method is None or done is None or earlier is None:
        assert current is not None
        return standing(current, limit.minimum, method=method, procedure_on=done)
    return standing(
        earlier,
        limit.minimum,
        method=method,
        procedure_on=done,
        later=current,
        dh_least_pp=dh_least_pp,
    )


def _missing(answers: Answers) -> Iterator[Missing]:
    """What has to be known before anything can be said.

    A remnant measured before the procedure only is a whole answer: the next step is to measure
    again. With a second one, both need their days; without augmentation the remnant as it is now
    decides alone.
    """
    yield from gaps(answers, BODY)
    height, weight = positive(answers, "height_cm"), positive(answers, "weight_kg")
    if height and weight and _stlv_ml(height, weight) <= 0:
        yield Missing("/height_cm", "Too small for the adult formula.")
    done, now = _day(answers, "augmentation_on"), _day(answers, "flr_on")
    alone = answers.get("augmentation") == "none"
    two = positive(answers, "flr_earlier_ml") is not None and not alone
    if positive(answers, "flr_ml") is None and not two:
        yield from gaps(answers, FLR)
    if not two:
        if done and now and now > done and not alone:
            yield Missing("/flr_earlier_ml", "Remnant before the augmentation not entered.")
        return
    if _method(answers) is None:
        yield Missing("/augmentation", "Two volumetries; augmentation between them not stated.")
    for field, words in (
        ("augmentation_on", "Day of the augmentation"),
        ("flr_on", "Day of the volumetry"),
        ("flr_earlier_on", "Day of the earlier volumetry"),
    ):
        if _day(answers, field) is None and not (
            field == "flr_on" and positive(answers, "flr_ml") is None
        ):
            yield Missing(f"/{field}", f"{words} not entered.")


def _limit(answers: Answers) -> Limit | Flag | None:
    background = answers.get("background")
    if not isinstance(background, str) or background not in BACKGROUNDS:
        return None
    for limit in STANDARDISED.limits:
        if limit.background == background and limit.choice in ("", "kishi-20"):
            return limit
    text = f"{STANDARDISED.title} gives no minimum for {BACKGROUNDS[background]}."
    return Flag("not_addressed", text)


def _volumetry(answers: Answers, flr: str, on: str, unsaid: date) -> Volumetry | None:
    flr_ml = positive(answers, flr)
    height, weight = positive(answers, "height_cm"), positive(answers, "weight_kg")
    if flr_ml is None or height is None or weight is None:
        return None
    stlv_ml = _stlv_ml(height, weight)
    return Volumetry(_day(answers, on) or unsaid, flr_ml, formulae.sflr_percent(flr_ml, stlv_ml))


def _stlv_ml(height_cm: float, weight_kg: float) -> float:
    return formulae.stlv_vauthey_ml(formulae.bsa_mosteller_m2(height_cm, weight_kg))


def _method(answers: Answers) -> Method | None:
    value = answers.get("augmentation")
    return Method(value) if isinstance(value, str) and value in set(Method) else None


def _day(answers: Answers, field: str) -> date | None:
    value = answers.get(field)
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _trust(found: Standing, options: Options) -> Trust:
    """The gate is published; the steps and windows around it are not, nor is a gate of 5 verified."""
    if found.growth is None or found.phase == Phase.RE_MEASURE:
        return Trust.UNPUBLISHED
    return Trust.SOURCED if options["gate"] == "dh-7.5" else Trust.GENERAL_KNOWLEDGE


def _remarks(found: Standing, limit: Limit) -> Iterator[Flag]:
    yield Flag("minimum", f"Minimum by {limit.rule}: {limit.minimum:g} % ({limit.source}).")
    if found.growth:
        percent = found.growth.relative_growth_percent
        text = f"Relative growth {percent:+.2f} % of the earlier remnant (some papers call it DH)."
        yield Flag("relative_growth", text)


RULESET: Final = Ruleset(
    id="flr-augmentation",
    title="Augmentation of the remnant",
    version="PMC3632508",
    source=SOURCE,
    options=(
        Option(
            "gate",
            ("dh-7.5", "dh-5"),
            "dh-7.5",
            "Least growth in percentage points where KGR is below 2.0; 5 is not verified.",
        ),
    ),
    apply=evaluate,
)
