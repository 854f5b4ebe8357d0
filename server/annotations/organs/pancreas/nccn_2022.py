"""NCCN resectability of pancreatic ductal adenocarcinoma, as published in v1.2019 to v1.2022.

The rules follow the decision order N-LA-1 to N-BR-6. Where the published text is silent and the
order has been completed, the rule says `derived`.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Fired, Option, Trust
from server.annotations.organs.pancreas.anatomy import (
    OVER,
    appleby_barred,
    capabilities,
    cha_extends,
    cha_lost,
    contact,
    distal,
    head,
    vein_lost,
    vein_needs_resection,
)
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    Rule,
    Table,
    degrees,
    metastatic,
)
from server.annotations.organs.pancreas.findings import VESSELS, Case

SOURCE: Final = (
    "NCCN Pancreatic Adenocarcinoma v1.2019-v1.2022, as tabulated in PMC7603933 (table 3) "
    "and a v1.2022 summary (secondary)"
)


def _vein_text(case: Case) -> str:
    vein = case.vessel("smv_pv")
    words = [f"SMV/PV contact {vein.contact_deg}°"]
    if vein.contour != "regular":
        words.append(vein.contour.replace("_", " "))
    if vein.thrombus != "none":
        words.append(f"{vein.thrombus} thrombus")
    return f"{', '.join(words)}; not recorded as unreconstructable."


_LA_RULES: Final = (
    metastatic("N-M-1", SOURCE),
    Rule(
        "N-LA-1",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: contact(case, "sma") > OVER,
        degrees("sma", "more than 180°"),
    ),
    Rule(
        "N-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: head(case) and contact(case, "ca") > OVER,
        degrees("ca", "more than 180° in a tumour of the head or uncinate process"),
    ),
    Rule(
        "N-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: case.site == "neck" and contact(case, "ca") > OVER,
        degrees("ca", "more than 180°; a tumour of the neck is judged as one of the head"),
    ),
    Rule(
        "N-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: distal(case) and contact(case, "ca") > OVER and appleby_barred(case),
        degrees("ca", "more than 180°, and no modified Appleby (aorta or GDA touched, or option)"),
    ),
    Rule(
        "N-LA-4",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("ca").touched and case.vessel("aorta").touched,
        degrees("ca", "and contact with the aorta"),
    ),
    Rule(
        "N-LA-4",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: case.vessel("aorta").touched and not case.vessel("ca").touched,
        degrees("aorta", "without the coeliac axis"),
    ),
    Rule(
        "N-LA-5",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        cha_extends,
        degrees("cha", "extending to the coeliac axis or the hepatic bifurcation"),
    ),
    Rule(
        "N-LA-5",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        cha_lost,
        degrees("cha", "not reconstructable"),
    ),
    Rule(
        "N-LA-6",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        vein_lost,
        degrees("smv_pv", "not reconstructable"),
    ),
)

_BR_RULES: Final = (
    Rule(
        "N-BR-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: 0 < contact(case, "sma") <= OVER,
        degrees("sma", "180° or less"),
    ),
    Rule(
        "N-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: distal(case) and 0 < contact(case, "ca") <= OVER,
        degrees("ca", "180° or less in a tumour of the body or tail"),
    ),
    Rule(
        "N-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.DERIVED,
        lambda case: not distal(case) and 0 < contact(case, "ca") <= OVER,
        degrees("ca", "180° or less in a tumour of the head, uncinate process or neck"),
    ),
    Rule(
        "N-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: distal(case) and contact(case, "ca") > OVER and not appleby_barred(case),
        degrees("ca", "more than 180°, aorta and GDA clear: modified Appleby possible"),
    ),
    Rule(
        "N-BR-3",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("cha").touched and not cha_extends(case),
        degrees("cha", "without extension to the coeliac axis or the hepatic bifurcation"),
    ),
    Rule(
        "N-BR-4",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("variant_artery").touched,
        degrees("variant_artery"),
    ),
    Rule(
        "N-BR-5",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        vein_needs_resection,
        _vein_text,
    ),
    Rule(
        "N-BR-6",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("ivc").touched,
        degrees("ivc"),
    ),
)

NCCN_2022: Final = Table(
    id="nccn-2022",
    title="NCCN (v1.2022)",
    version="1.2022",
    source=SOURCE,
    rules=(*_LA_RULES, *_BR_RULES),
    otherwise=Fired(
        "N-R-1",
        SOURCE,
        Trust.SOURCED,
        f"Arteries clear; SMV/PV free or touched by {OVER}° or less with a regular contour.",
    ),
    addressed=frozenset(VESSELS)
    - {
        "first_jejunal_artery",
        "pha",
        "splenic_artery",
        "first_jejunal_vein",
        "splenic_vein",
        "imv",
    },
    reads=frozenset(
        {
            ("smv_pv", "contour"),
            ("smv_pv", "thrombus"),
            ("smv_pv", "reconstructable"),
            ("cha", "extends_to"),
            ("cha", "reconstructable"),
        }
    ),
    capabilities=capabilities,
    options=(
        Option(
            "appleby",
            ("BR", "LA"),
            "BR",
            "Tumour of the body or tail, coeliac contact over 180°, aorta and GDA clear: some "
            "versions call it borderline (modified Appleby), others locally advanced (PMC8475010).",
        ),
    ),
)
