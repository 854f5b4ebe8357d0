"""The Makuuchi-Imamura decision tree: the largest resection that liver function allows.

The structure is published (Imamura 2005); the numbers are from general knowledge and every rule is
shown as not verified. The tree asks for ICG-R15 only where bilirubin is normal. A worse ICG would
then stop counting as soon as bilirubin rises, so by default both branches are held against the
case and the smaller resection counts; the option gives the tree to the letter.
"""

from __future__ import annotations

import math
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Missing,
    Option,
    Options,
    Ruleset,
    Trust,
    result,
)
from server.annotations.organs.liver import laboratory
from server.annotations.organs.liver.laboratory import (
    BILIRUBIN,
    ICG_R15,
    amount,
    in_second_unit,
)

TRISECTIONECTOMY: Final = Category(
    0, "trisectionectomy_or_bisectionectomy", "Up to trisectionectomy or bisectionectomy"
)
HEMI: Final = Category(
    1, "left_hepatectomy_or_right_sectionectomy", "Up to left hepatectomy or right sectionectomy"
)
SEGMENT: Final = Category(2, "segmentectomy", "Up to segmentectomy")
LIMITED: Final = Category(3, "limited_resection", "Up to limited resection")
ENUCLEATION: Final = Category(4, "enucleation", "Enucleation only")
NOTHING: Final = Category(5, "no_hepatectomy", "No hepatectomy")
STEPS: Final = (TRISECTIONECTOMY, HEMI, SEGMENT, LIMITED, ENUCLEATION, NOTHING)

SOURCE: Final = "Imamura 2005, structure of the tree; numbers from general knowledge"
# ICG-R15 in per cent from which only the step stands; below the first everything.
ICG_STEPS: Final = ((40, ENUCLEATION), (30, LIMITED), (20, SEGMENT), (10, HEMI))
# Uncontrolled ascites is what the tree asks for; moderate or severe ascites is taken as that.
ASCITES: Final = {"none": 0, "mild": 0, "moderate_severe": 1}


def by_bilirubin(mg_dl: float) -> Category:
    """The step that bilirubin alone leaves, in mg/dL rounded to the tenth the tree is printed in."""
    tenths = math.floor(round(mg_dl * 10, 6) + 0.5)
    if tenths >= 20:
        return NOTHING
    if tenths >= 16:
        return ENUCLEATION
    return LIMITED if tenths >= 11 else TRISECTIONECTOMY


def by_icg(percent: float) -> Category:
    """The step that ICG-R15 alone leaves, in per cent retained at 15 minutes."""
    for bound, step in ICG_STEPS:
        if percent >= bound:
            return step
    return TRISECTIONECTOMY


def step(mg_dl: float, percent: float, *, ascites: bool, as_published: bool) -> Category:
    """The step of a case in which everything is known."""
    if ascites:
        return NOTHING
    bilirubin = by_bilirubin(mg_dl)
    if as_published and bilirubin > TRISECTIONECTOMY:
        return bilirubin
    return max(bilirubin, by_icg(percent))


def evaluate(answers: Answers, options: Options) -> Evaluation:
    """The tree applied to answers of any shape."""
    published = options["tree"] == "as-published"
    bilirubin, icg = amount(answers, BILIRUBIN), amount(answers, ICG_R15)
    dry, wet = laboratory.grade(answers, "ascites", ASCITES)
    low, high = (
        in_second_unit(BILIRUBIN, bilirubin, end) for end in (bilirubin.least, bilirubin.most)
    )
    possible = [
        step(mg_dl, percent, ascites=bool(ascites), as_published=published)
        for mg_dl in {low, high, *((1.0, 1.1) if low != high else ())}
        for percent in {icg.least, icg.most}
        for ascites in {dry, wet}
    ]
    best, worst = min(possible), max(possible)
    words = f"bilirubin {low:.1f} mg/dL" if bilirubin.known else "bilirubin open"
    words += f", ICG-R15 {icg.least:g} %" if icg.known else ", ICG-R15 not asked or open"
    fired = Fired("MAK-TREE", SOURCE, Trust.GENERAL_KNOWLEDGE, f"{best.label}: {words}.")
    missing = []
    if best != worst:
        missing = [
            analyte.missing
            for analyte, value in ((BILIRUBIN, bilirubin), (ICG_R15, icg))
            if not value.known
        ]
        if dry != wet:
            missing.append(Missing("/ascites", "Ascites not assessed."))
    return Evaluation(
        RULESET.id,
        RULESET.title,
        RULESET.version,
        **result(best, worst),
        fired=() if best != worst else (fired,),
        missing=tuple(missing),
        flags=laboratory.flags(answers),
    )


RULESET: Final = Ruleset(
    id="makuuchi",
    title="Makuuchi criteria",
    version="Imamura 2005, numbers not verified",
    source=SOURCE,
    options=(
        Option(
            "tree",
            ("worst-of-both", "as-published"),
            "worst-of-both",
            "Whether a high ICG-R15 still counts where bilirubin is raised; as published the tree "
            "does not ask for it there.",
        ),
    ),
    apply=evaluate,
)
