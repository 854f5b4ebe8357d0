"""Memorial Sloan Kettering (Jarnagin, Blumgart): T stage, and what makes a tumour unresectable.

Both speak of a side and the other side. They do not say how much contact makes a portal vein
involved; the T stage here takes any contact, the predicate an encasement, as its words are, and an
option of each takes the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Flag,
    Option,
    Options,
    Trust,
)
from server.annotations.organs.perihilar.findings import (
    ABUTTED,
    CLEAR,
    ENCASED,
    RUNGS,
    SIDES,
    VESSELS,
    duct,
    fit,
    lobes,
    n2_proven,
    remarks,
    vessel,
)
from server.annotations.organs.scale import (
    Case,
    Reading,
    Rule,
    RuleTable,
    distant_disease,
    known,
    option,
    sentence,
    unproven_disease,
    word_of,
    yes_or_no,
)

T_SOURCE: Final = "MSKCC T stage (Jarnagin-Blumgart), as tabulated in wjgnet v5/i7/147 (table 2)"
U_SOURCE: Final = "MSKCC criteria of unresectability, as tabulated in PMC4133531 (table 2)"
RELATIVE_SOURCE: Final = "wjgnet v6/i8/559: main portal vein relative, hepatic artery added"

T1: Final = Category(0, "T1", "Stage T1")
T2: Final = Category(1, "T2", "Stage T2")
T3: Final = Category(2, "T3", "Stage T3")

NO_CRITERION: Final = Category(0, "no_criterion", "No criterion of unresectability")
RELATIVE: Final = Category(1, "relative", "Relative criterion of unresectability")
UNRESECTABLE: Final = Category(2, "unresectable", "Unresectable")

PORTAL_VEINS: Final = ("main_pv", "right_pv", "left_pv")
ARTERIES: Final = ("cha", "pha", "right_ha", "left_ha", "variant_ha")

INVOLVEMENT: Final = "portal_vein"
ANY: Final = "any-contact"
OVER_180: Final = "encasement"
_INVOLVEMENT_TEXT: Final = (
    "From where on a portal vein counts as involved: any contact, or encasement (over 180 degrees, "
    "invaded, occluded or filled with tumour). The tables give no degrees."
)


def _read_t(answers: Answers, _options: Options) -> Reading:
    ducts = (duct(answers, f"{side}_second_order") for side in SIDES)
    veins = (vessel(answers, name) for name in PORTAL_VEINS)
    reached = duct(answers, "confluence")
    below = known("below", not reached.worst)
    return Reading((*ducts, *veins, *lobes(answers), below), remarks(answers))


def _below_the_confluence(case: Case, best: Category, _worst: Category) -> Iterator[Flag]:
    if best == T1 and case["below"] and not _any_ducts(case):
        text = "Below the confluence, where the table begins: taken as T1 (derived)."
        yield Flag("derived", text)


def _read_u(answers: Answers, options: Options) -> Reading:
    t_stage = _read_t(answers, options)
    arteries = tuple(vessel(answers, name) for name in ARTERIES)
    patient = (
        yes_or_no(answers, "cirrhosis", "Cirrhosis"),
        fit(answers),
        n2_proven(answers),
        distant_disease(answers),
    )
    flags = [*t_stage.flags, *unproven_disease(answers), *_artery_flags(answers)]
    if answers.get("n2_nodes") in ("suspected", "probable"):
        text = "N2 nodes suspected: only proven ones count. Prove or exclude them."
        flags.append(Flag("n2_unproven", text))
    return Reading((*t_stage.facts, *arteries, *patient), tuple(flags))


def _artery_flags(answers: Answers) -> Iterator[Flag]:
    """The question of reconstruction, for the side that is to stay or, not stated, for both.

    A variant artery may serve either side, and is always asked about.
    """
    remnant = word_of(answers.get("remnant_side"), tuple(SIDES))
    sides = (remnant,) if remnant else tuple(SIDES)
    for name in ("cha", "pha", *(f"{side}_ha" for side in sides), "variant_ha"):
        if vessel(answers, name).best > CLEAR:
            text = f"{VESSELS[name]} touched: to be reconstructed, if it serves what stays?"
            yield Flag("hepatic_artery", text)


def _pv(case: Case, name: str) -> bool:
    least = ABUTTED if option(case, INVOLVEMENT) == ANY else ENCASED
    return bool(case[name] >= least)


def _main(case: Case) -> bool:
    return _pv(case, "main_pv")


def _both_pv(case: Case) -> bool:
    return _pv(case, "right_pv") and _pv(case, "left_pv")


def _any_ducts(case: Case) -> bool:
    return bool(case["right_second_order"] or case["left_second_order"])


def _both_ducts(case: Case) -> bool:
    return bool(case["right_second_order"] and case["left_second_order"])


def _ducts_and_other_pv(case: Case) -> str:
    return _side(lambda s, o: case[f"{s}_second_order"] and _pv(case, f"{o}_pv"))


def _ducts_and_other_atrophy(case: Case) -> str:
    return _side(lambda s, o: case[f"{s}_second_order"] and case[f"{o}_atrophy"])


def _atrophy_and_other_pv(case: Case) -> str:
    return _side(lambda s, o: case[f"{s}_atrophy"] and _pv(case, f"{o}_pv"))


def _side(holds: Callable[[str, str], bool]) -> str:
    """The side for which something holds with the other; empty where it holds for neither."""
    return next((side for side, other in SIDES.items() if holds(side, other)), "")


def _sided(find: Callable[[Case], str], text: str) -> Callable[[Case], str]:
    """A sentence with {side} and {other} filled in."""

    def said(case: Case) -> str:
        side = find(case)
        filled = text.format(side=side, other=SIDES[side])
        return filled[0].upper() + filled[1:]

    return said


def _veins_or_lobes(case: Case) -> str:
    veins = [f"{VESSELS[v]} {RUNGS[case[v]]}" for v in ("right_pv", "left_pv") if _pv(case, v)]
    shrunk = [f"{side} lobe atrophic" for side in SIDES if case[f"{side}_atrophy"]]
    text = ", ".join([*veins, *shrunk])
    return f"{text[0].upper()}{text[1:]}."


def _t2_as_written(case: Case) -> bool:
    """Vein and lobe on the side of the ducts, which are those of one side."""
    side = "right" if case["right_second_order"] else "left"
    return bool(_any_ducts(case) and (_pv(case, f"{side}_pv") or case[f"{side}_atrophy"]))


def _t2(case: Case) -> bool:
    return bool(
        _pv(case, "right_pv")
        or _pv(case, "left_pv")
        or case["right_atrophy"]
        or case["left_atrophy"]
    )


def _rule(
    id_: str,
    category: Category,
    source: str,
    applies: Callable[[Case], object],
    text: Callable[[Case], str],
    trust: Trust = Trust.SOURCED,
) -> Rule:
    return Rule(id_, category, source, trust, lambda case: bool(applies(case)), text)


MSKCC_T_STAGE: Final = RuleTable(
    id="mskcc-t-stage",
    title="MSKCC T stage",
    version="2001",
    source=T_SOURCE,
    read=_read_t,
    rules=(
        _rule(
            "MT-3-1",
            T3,
            T_SOURCE,
            _both_ducts,
            sentence("Second-order ducts of both sides involved."),
        ),
        _rule(
            "MT-3-2",
            T3,
            T_SOURCE,
            _ducts_and_other_pv,
            _sided(_ducts_and_other_pv, "{side} second-order ducts and {other} portal vein."),
        ),
        _rule(
            "MT-3-3",
            T3,
            T_SOURCE,
            _ducts_and_other_atrophy,
            _sided(
                _ducts_and_other_atrophy, "{side} second-order ducts and {other} lobe atrophic."
            ),
        ),
        _rule("MT-3-4", T3, T_SOURCE, _main, sentence("Main portal vein involved.")),
        _rule("MT-3-5", T3, T_SOURCE, _both_pv, sentence("Portal veins of both sides involved.")),
        _rule("MT-2-1", T2, T_SOURCE, _t2_as_written, _veins_or_lobes),
        _rule(
            "MT-2-2",
            T2,
            T_SOURCE,
            lambda case: _t2(case) and not _t2_as_written(case),
            _veins_or_lobes,
            Trust.DERIVED,
        ),
    ),
    otherwise=Rule(
        "MT-1",
        T1,
        T_SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("At most second-order ducts of one side; no portal vein, no lobar atrophy."),
    ),
    options=(Option(INVOLVEMENT, (ANY, OVER_180), ANY, _INVOLVEMENT_TEXT),),
    remarks=_below_the_confluence,
)


def _main_decides(case: Case) -> bool:
    return _main(case) and option(case, "main_portal_vein") == "absolute"


def _artery_decides(case: Case) -> str:
    if option(case, "hepatic_artery") != "criterion":
        return ""
    return next((name for name in ("cha", "pha", "right_ha", "left_ha") if case[name]), "")


def _capabilities(case: Case) -> tuple[str, ...]:
    """What an operation would need: a duct is always joined again."""
    needed = ["biliary_reconstruction"]
    if any(case[name] for name in PORTAL_VEINS):
        needed.append("venous_reconstruction")
    if any(case[name] for name in ARTERIES):
        needed.append("arterial_resection")
    return tuple(needed)


MSKCC_UNRESECTABILITY: Final = RuleTable(
    id="mskcc-unresectability",
    title="MSKCC unresectability",
    version="2001",
    source=U_SOURCE,
    read=_read_u,
    rules=(
        _rule(
            "MU-1",
            UNRESECTABLE,
            U_SOURCE,
            lambda case: case["unfit"],
            sentence("Medically unfit for the operation."),
        ),
        _rule(
            "MU-2", UNRESECTABLE, U_SOURCE, lambda case: case["cirrhosis"], sentence("Cirrhosis.")
        ),
        _rule(
            "MU-3",
            UNRESECTABLE,
            U_SOURCE,
            _both_ducts,
            sentence("Second-order ducts of both sides involved."),
        ),
        _rule(
            "MU-4",
            UNRESECTABLE,
            U_SOURCE,
            _main_decides,
            sentence("Main portal vein involved, proximal to its bifurcation."),
        ),
        _rule(
            "MU-5",
            UNRESECTABLE,
            U_SOURCE,
            _atrophy_and_other_pv,
            _sided(_atrophy_and_other_pv, "{side} lobe atrophic and {other} portal vein."),
        ),
        _rule(
            "MU-6",
            UNRESECTABLE,
            U_SOURCE,
            _ducts_and_other_atrophy,
            _sided(
                _ducts_and_other_atrophy, "{other} lobe atrophic and {side} second-order ducts."
            ),
        ),
        _rule(
            "MU-7",
            UNRESECTABLE,
            U_SOURCE,
            _ducts_and_other_pv,
            _sided(_ducts_and_other_pv, "{side} second-order ducts and {other} portal vein."),
        ),
        _rule(
            "MU-8",
            UNRESECTABLE,
            U_SOURCE,
            lambda case: case["n2_nodes"],
            sentence("N2 nodes proven by histology."),
        ),
        _rule(
            "MU-9",
            UNRESECTABLE,
            U_SOURCE,
            lambda case: case["m1"],
            sentence("Proven distant metastasis."),
        ),
        _rule(
            "MU-10",
            RELATIVE,
            RELATIVE_SOURCE,
            lambda case: _main(case) and not _main_decides(case),
            sentence("Main portal vein involved: a relative criterion in this source."),
        ),
        _rule(
            "MU-11",
            RELATIVE,
            RELATIVE_SOURCE,
            _artery_decides,
            lambda case: f"{VESSELS[_artery_decides(case)]} involved.",
            Trust.DERIVED,
        ),
    ),
    otherwise=Rule(
        "MU-0",
        NO_CRITERION,
        U_SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("None of the published criteria of unresectability is met."),
    ),
    options=(
        Option(INVOLVEMENT, (ANY, OVER_180), OVER_180, _INVOLVEMENT_TEXT),
        Option(
            "main_portal_vein",
            ("absolute", "relative"),
            "absolute",
            "Whether the main portal vein makes a tumour unresectable (PMC4133531) or is a "
            "relative criterion (wjgnet v6/i8/559).",
        ),
        Option(
            "hepatic_artery",
            ("flag", "criterion"),
            "flag",
            "A hepatic artery touched is a flag (PMC4133531 does not list it), or a relative "
            "criterion (wjgnet v6/i8/559 adds it without saying how much).",
        ),
    ),
    capabilities=_capabilities,
)
