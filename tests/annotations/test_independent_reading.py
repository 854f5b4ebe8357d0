"""Thousands of combinations of findings: the rules say what a second reading of the tables says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import pytest

from server.annotations.organs.pancreas import PANCREAS
from tests.annotations.independent_reading import READINGS, Seen

SITES = ("head", "uncinate", "neck", "body", "tail")
ARTERY = (0, 1, 90, 91, 179, 180, 181, 360)
VEIN = (0, 1, 90, 91, 179, 180, 181, 270, 271, 360)
CONTOURS = (
    "regular",
    "irregular",
    "unilateral_narrowing",
    "bilateral_narrowing",
    "deformed",
    "occluded",
)
ONE_ARTERY = (0, 90)
DRAWN = 2000


def arteries() -> Iterator[Seen]:
    """SMA, coeliac axis and CHA at every cut, by site, with aorta and GDA."""
    for site, sma, ca, cha in product(("head", "body"), ARTERY, ARTERY, (0, 90, 181)):
        for aorta, gda in product(ONE_ARTERY, ONE_ARTERY):
            yield Seen(site=site, sma=sma, ca=ca, cha=cha, aorta=aorta, gda=gda)


def hepatic_artery() -> Iterator[Seen]:
    """The CHA at every cut, extending or not, short or long, reconstructable or not."""
    flags = (True, False)
    for cha, extends, short, again in product(ARTERY, flags, flags, flags):
        for sma, site in product((0, 90), ("head", "tail")):
            yield Seen(
                site=site,
                sma=sma,
                cha=cha,
                cha_extends=extends and cha > 0,
                cha_short=short,
                cha_reconstructable=again,
            )


def veins() -> Iterator[Seen]:
    """The SMV/PV at every cut with every contour, thrombus, length and reconstruction."""
    flags = (True, False)
    for vein, contour, thrombus in product(VEIN, CONTOURS, ("none", "bland", "tumour")):
        if vein == 0 and thrombus == "tumour":
            continue  # the two cannot both be true
        for again, beyond, short in product(flags, flags, flags):
            yield Seen(
                vein=vein,
                vein_contour=contour,
                vein_thrombus=thrombus,
                vein_reconstructable=again,
                vein_beyond=beyond,
                vein_short=short,
            )


def patients() -> Iterator[Seen]:
    """Disease elsewhere, biology and condition beside an anatomy of each category."""
    anatomies = (Seen(), Seen(sma=120), Seen(sma=200), Seen(vein=200), Seen(ivc=30))
    for base, m1, marker, ecog, node in product(
        anatomies, (False, True), (0, 500, 501), (0, 1, 2, 4), (False, True)
    ):
        yield base._replace(m1=m1, ca19_9=marker, ecog=ecog, node=node)


def drawn() -> Iterator[Seen]:
    """Everything at once, drawn at random from a fixed seed."""
    dice = random.Random(20261121)
    for _ in range(DRAWN):
        cha, vein = dice.choice((0, 0, *ARTERY)), dice.choice((0, 0, *VEIN))
        yield Seen(
            site=dice.choice(SITES),
            m1=dice.random() < 0.05,
            sma=(sma := dice.choice((0, 0, 0, *ARTERY))),
            sma_deformed=sma > 0 and dice.random() < 0.2,
            ca=(ca := dice.choice((0, 0, 0, *ARTERY))),
            ca_deformed=ca > 0 and dice.random() < 0.2,
            cha=cha,
            cha_extends=cha > 0 and dice.random() < 0.2,
            cha_short=dice.random() < 0.7,
            cha_reconstructable=dice.random() < 0.8,
            gda=dice.choice((0, 0, 0, 45)),
            aorta=dice.choice((0, 0, 0, 0, 10)),
            variant=dice.choice((0, 0, 0, 20)),
            ivc=dice.choice((0, 0, 0, 20)),
            first_artery=dice.choice((0, 0, 0, 0, 15)),
            first_vein=dice.choice((0, 0, 0, 0, 15)),
            vein=vein,
            vein_contour=dice.choice(("regular", "regular", *CONTOURS)),
            vein_thrombus=dice.choice(("none", "bland", "tumour")) if vein else "none",
            vein_reconstructable=dice.random() < 0.8,
            vein_beyond=dice.random() < 0.2,
            vein_short=dice.random() < 0.7,
            ca19_9=dice.choice((0, 37, 500, 501)),
            ecog=dice.choice((0, 1, 2)),
            node=dice.random() < 0.2,
        )


GRIDS = {one.__name__: one for one in (arteries, hepatic_artery, veins, patients, drawn)}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_all_eight_sets_say_what_a_second_reading_of_the_tables_says(grid: object) -> None:
    assert callable(grid)
    count = 0
    for seen in grid():
        answers = seen.answers()
        for ruleset in PANCREAS.rulesets:
            found = ruleset.evaluate(answers).category
            assert found is not None, (ruleset.id, seen)
            assert found.rank == READINGS[ruleset.id](seen), (ruleset.id, found.label, seen)
        count += 1
    assert count >= 128


def test_every_set_has_a_second_reading() -> None:
    assert set(READINGS) == {ruleset.id for ruleset in PANCREAS.rulesets}


def test_the_grids_reach_every_category_of_every_set() -> None:
    reached = {(name, reading(seen)) for seen in drawn() for name, reading in READINGS.items()}
    assert len(reached) == 4 * len(READINGS)
