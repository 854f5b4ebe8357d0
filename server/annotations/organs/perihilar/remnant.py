"""What the remnant must have when a liver is resected together with the bile duct.

Three lines, each with its own denominator. Volume and function are measured after drainage of the
side that is to stay; the sets flag where that was not done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Flag,
    Missing,
    Option,
    Options,
    Trust,
)
from server.annotations.organs.liver import formulae
from server.annotations.organs.liver.remnant import (
    functional_flag,
    functional_only,
    volume_contradictions,
    volume_flags,
)
from server.annotations.organs.scale import (
    OPTIONS,
    Case,
    Fact,
    Reading,
    Rule,
    RuleTable,
    known,
    number_of,
)

ADEQUATE: Final = Category(0, "adequate", "Adequate remnant")
BORDERLINE: Final = Category(1, "borderline", "Borderline remnant")
INADEQUATE: Final = Category(2, "inadequate", "Inadequate remnant")

SURFACE_SOURCE: Final = "PMC7893452: remnant to body surface with bile duct resection"
SHARE_SOURCE: Final = "30 to 40 % as usual practice; no publication read"
UPTAKE_SOURCE: Final = "PMC7260406: mebrofenin uptake in perihilar tumours"
ALPPS_SOURCE: Final = "PMC5662942"

SURFACE_MINIMUM: Final = 300.0  # mL/m2; liver failure in 22 % below, 6.4 % from there, PMC7893452
SHARE_FROM: Final = 30.0  # % of the liver without tumour, not verified
SHARE_ENOUGH: Final = 40.0  # %, not verified
UPTAKE_MINIMUM: Final = 8.5  # %/min, PMC7260406
READER_SHARE: Final = 0.1  # half-width of a remnant volume between readers, unpublished

VARIABILITY: Final = Option(
    "variability",
    ("10_percent", "none"),
    "10_percent",
    "Half-width of the reader's variability around the remnant, in per cent of its volume "
    "(unpublished default). With none a value at the minimum passes and one below fails.",
)

FLR: Final = {"flr_ml": "FLR"}
BODY: Final = {"height_cm": "Height", "weight_kg": "Weight"}
LIVER: Final = {"total_liver_ml": "Whole liver", "tumour_ml": "Tumour volume"}
# Where these volumes contradict each other no share can be computed from them.
IMPOSSIBLE: Final = frozenset({"/tumour_ml", "/flr_ml"})


def _index(answers: Answers, value: float | None, needed: Mapping[str, str]) -> Reading:
    """The index, or all it may be with the answers that would give it."""
    drained = known("drained", answers.get("remnant_drained"))
    flags = volume_flags(answers)
    if value is not None:
        return Reading((known("index", value), drained), flags)
    gaps = tuple(
        Missing(f"/{name}", f"{words} not entered")
        for name, words in needed.items()
        if not _given(answers, name)
    )
    return Reading((Fact("index", inf, 0.0, gaps), drained), flags)


def _given(answers: Answers, name: str) -> bool:
    value = number_of(answers.get(name))
    return value is not None and (value > 0 or name == "tumour_ml")


def _per_body_surface(answers: Answers, _options: Options) -> Reading:
    """FLR in mL per m2 of body surface (Mosteller)."""
    needed = {**FLR, **BODY}
    value = None
    if all(_given(answers, name) for name in needed):
        surface = formulae.bsa_mosteller_m2(answers["height_cm"], answers["weight_kg"])
        value = answers["flr_ml"] / surface if surface else None
    return _index(answers, value, needed)


def _share(answers: Answers, _options: Options) -> Reading:
    """100 x FLR / (whole liver - tumour), or the share that was typed."""
    needed = {**FLR, **LIVER}
    value = number_of(answers.get("flr_percent"))
    wrong = {pointer for pointer, _ in volume_contradictions(answers)}
    if all(_given(answers, name) for name in needed) and wrong.isdisjoint(IMPOSSIBLE):
        value = formulae.flr_percent(*(answers[name] for name in needed))
    return _index(answers, value, needed)


def _uptake(answers: Answers, _options: Options) -> Reading:
    """Mebrofenin uptake of the remnant in % per minute."""
    value = number_of(answers.get("mebrofenin_percent_min"))
    return _index(answers, value, {"mebrofenin_percent_min": "Mebrofenin uptake of the remnant"})


def _reaches(minimum: float, *, at_best: bool) -> Callable[[Case], bool]:
    """Whether the index reaches a minimum at the better or the worse end of the variability."""

    def holds(case: Case) -> bool:
        varies = case[OPTIONS].get("variability", "none") != "none"
        share = READER_SHARE if varies else 0.0
        # Rounded so that binary fractions do not decide a value exactly on the minimum.
        return bool(round(case["index"] * (1 + share if at_best else 1 - share), 9) >= minimum)

    return holds


def _said(unit: str, against: str) -> Callable[[Case], str]:
    return lambda case: f"Remnant {case['index']:.1f} {unit}; {against}."


def _remarks(case: Case, _best: Category, worst: Category) -> Iterable[Flag]:
    if case["drained"] == "no":
        text = (
            "The side that is to stay is not drained: measure volume and function after its "
            "drainage (not verified)."
        )
        yield Flag("drainage_first", text)
    if worst > ADEQUATE:
        text = (
            "ALPPS is not recommended for perihilar tumours: 48 % died within 90 days "
            f"({ALPPS_SOURCE})."
        )
        yield Flag("alpps", text)


def _table(
    ids: tuple[str, str],
    words: tuple[str, str, str],
    source: str,
    trust: Trust,
    read: Callable[[Answers, Options], Reading],
    minima: tuple[float, float],
    options: tuple[Option, ...] = (),
) -> RuleTable:
    """A set with its id and rule stem; title, unit and denominator; lower and upper minimum."""
    id_, stem = ids
    title, unit, denominator = words
    lower, upper = minima
    text = _said(unit, f"minimum {lower:g} {unit} {denominator}")
    between = text if lower == upper else _said(unit, f"between {lower:g} and {upper:g} {unit}")
    enough = _reaches(upper, at_best=False)
    possible = _reaches(lower, at_best=True)
    below = Rule(f"{stem}-2", INADEQUATE, source, trust, lambda case: not possible(case), text)
    middle = Rule(f"{stem}-1", BORDERLINE, source, trust, lambda case: not enough(case), between)
    table = RuleTable(
        id=id_,
        title=title,
        version=source.partition(":")[0] if trust is Trust.SOURCED else "not verified",
        source=source,
        read=read,
        rules=(below, middle),
        otherwise=Rule(f"{stem}-0", ADEQUATE, source, trust, lambda _case: True, text),
        options=options,
        remarks=_remarks,
        capabilities=lambda case: () if enough(case) else ("portal_vein_embolisation",),
    )
    return replace(table, read=lambda answers, options: _told(table, answers, options))


def _told(table: RuleTable, answers: Answers, options: Options) -> Reading:
    """What a set reads, with a flag where the perfused and drained part alone is judged worse."""
    reading, reduced = table.read(answers, options), functional_only(answers)
    if reduced is None:
        return reading
    whole, part = (table.evaluate(one, options).worst for one in (answers, reduced))
    if whole is None or part is None or part <= whole:
        return reading
    return replace(reading, flags=(*reading.flags, functional_flag(reduced, part.label)))


SURFACE: Final = _table(
    ("flr-bile-duct", "PR-S"),
    ("FLR to body surface, with bile duct resection", "mL/m²", "of body surface (Mosteller)"),
    SURFACE_SOURCE,
    Trust.SOURCED,
    _per_body_surface,
    (SURFACE_MINIMUM, SURFACE_MINIMUM),
    (VARIABILITY,),
)
SHARE: Final = _table(
    ("flr-share", "PR-M"),
    ("FLR, share of the liver without tumour", "%", "of the liver without tumour"),
    SHARE_SOURCE,
    Trust.GENERAL_KNOWLEDGE,
    _share,
    (SHARE_FROM, SHARE_ENOUGH),
)
UPTAKE: Final = _table(
    ("mebrofenin", "PR-F"),
    ("Mebrofenin uptake of the remnant", "%/min", "by hepatobiliary scintigraphy"),
    UPTAKE_SOURCE,
    Trust.SOURCED,
    _uptake,
    (UPTAKE_MINIMUM, UPTAKE_MINIMUM),
)

REMNANT_TABLES: Final = (SURFACE, SHARE, UPTAKE)
