"""NCCN resectability of pancreatic ductal adenocarcinoma, as published in v1.2019 to v1.2022.

The rules follow the decision order N-LA-1 to N-BR-6. Where the published text is silent and the
order has been completed, the rule says `derived`.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Fired, Option, Trust
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    METASTATIC,
    Rule,
    Table,
    degrees,
    sentence,
)
from server.annotations.organs.pancreas.findings import VESSELS, Case

SOURCE: Final = (
    "NCCN Pancreatic Adenocarcinoma v1.2019-v1.2022, as tabulated in PMC7603933 (table 3) "
    "and a v1.2022 summary (secondary)"
)
OVER: Final = 180  # degrees; 180 itself is not encasement, PMC7603933 table 3


def _head(case: Case) -> bool:
    return case.site in ("head", "uncinate")


def _distal(case: Case) -> bool:
    return case.site in ("body", "tail")


def _contact(case: Case, name: str) -> int:
    return case.vessel(name).contact_deg


def _appleby_barred(case: Case) -> bool:
    touched = case.vessel("aorta").touched or case.vessel("gda").touched
    return touched or case.options.get("appleby") == "LA"


def _cha_extends(case: Case) -> bool:
    cha = case.vessel("cha")
    return cha.touched and bool(cha.extends_to & {"ca", "hepatic_bifurcation", "pha"})


def _vein_needs_resection(case: Case) -> bool:
    vein = case.vessel("smv_pv")
    irregular = vein.contour != "regular" or vein.thrombus != "none"
    return vein.contact_deg > OVER or vein.occluded or (vein.touched and irregular)


def _vein_text(case: Case) -> str:
    vein = case.vessel("smv_pv")
    words = [f"SMV/PV contact {vein.contact_deg}°"]
    if vein.contour != "regular":
        words.append(vein.contour.replace("_", " "))
    if vein.thrombus != "none":
        words.append(f"{vein.thrombus} thrombus")
    return f"{', '.join(words)}; not recorded as unreconstructable."


def _capabilities(case: Case) -> tuple[str, ...]:
    needed = []
    if _vein_needs_resection(case):
        needed.append("venous_reconstruction")
    if any(case.vessel(name).touched for name in ("sma", "ca", "cha")):
        needed.append("arterial_resection")
    if _distal(case) and _contact(case, "ca") > OVER and not _appleby_barred(case):
        needed.append("modified_appleby")
    if case.vessel("ivc").touched:
        needed.append("ivc_reconstruction")
    return tuple(needed)


_LA_RULES: Final = (
    Rule(
        "N-M-1",
        METASTATIC,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.m1,
        sentence("Proven distant metastasis or non-regional node (M1), whatever the vessels."),
    ),
    Rule(
        "N-LA-1",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: _contact(case, "sma") > OVER,
        degrees("sma", "more than 180°"),
    ),
    Rule(
        "N-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: _head(case) and _contact(case, "ca") > OVER,
        degrees("ca", "more than 180° in a tumour of the head or uncinate process"),
    ),
    Rule(
        "N-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: case.site == "neck" and _contact(case, "ca") > OVER,
        degrees("ca", "more than 180°; a tumour of the neck is judged as one of the head"),
    ),
    Rule(
        "N-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: _distal(case) and _contact(case, "ca") > OVER and _appleby_barred(case),
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
        lambda case: _cha_extends(case),
        degrees("cha", "extending to the coeliac axis or the hepatic bifurcation"),
    ),
    Rule(
        "N-LA-5",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: case.vessel("cha").touched and not case.vessel("cha").reconstructable,
        degrees("cha", "not reconstructable"),
    ),
    Rule(
        "N-LA-6",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("smv_pv").involved and not case.vessel("smv_pv").reconstructable,
        degrees("smv_pv", "not reconstructable"),
    ),
)

_BR_RULES: Final = (
    Rule(
        "N-BR-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: 0 < _contact(case, "sma") <= OVER,
        degrees("sma", "180° or less"),
    ),
    Rule(
        "N-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: _distal(case) and 0 < _contact(case, "ca") <= OVER,
        degrees("ca", "180° or less in a tumour of the body or tail"),
    ),
    Rule(
        "N-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.DERIVED,
        lambda case: not _distal(case) and 0 < _contact(case, "ca") <= OVER,
        degrees("ca", "180° or less in a tumour of the head, uncinate process or neck"),
    ),
    Rule(
        "N-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: _distal(case) and _contact(case, "ca") > OVER and not _appleby_barred(case),
        degrees("ca", "more than 180°, aorta and GDA clear: modified Appleby possible"),
    ),
    Rule(
        "N-BR-3",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("cha").touched and not _cha_extends(case),
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
        lambda case: _vein_needs_resection(case),
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
    capabilities=_capabilities,
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
