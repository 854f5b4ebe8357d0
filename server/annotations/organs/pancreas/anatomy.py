"""What several criteria sets ask of a case in the same words, and what an operation would need."""

from __future__ import annotations

from server.annotations.organs.pancreas.engine import BEYOND_CHA
from server.annotations.organs.pancreas.findings import Case

OVER = 180  # degrees; 180 itself is not encasement for NCCN, PMC7603933 table 3


def head(case: Case) -> bool:
    """In the head or the uncinate process."""
    return case.site in ("head", "uncinate")


def distal(case: Case) -> bool:
    """In the body or the tail."""
    return case.site in ("body", "tail")


def contact(case: Case, name: str) -> int:
    """Degrees of solid contact with the vessel."""
    return case.vessel(name).contact_deg


def touched(case: Case, name: str) -> bool:
    """Any solid contact with the vessel."""
    return case.vessel(name).touched


def appleby_barred(case: Case) -> bool:
    """No modified Appleby operation: aorta or GDA touched, or the option says so."""
    return touched(case, "aorta") or touched(case, "gda") or case.options.get("appleby") == "LA"


def cha_extends(case: Case) -> bool:
    """Contact with the CHA that goes on to the coeliac axis, the PHA or the bifurcation."""
    cha = case.vessel("cha")
    return cha.touched and bool(cha.extends_to & BEYOND_CHA)


def cha_lost(case: Case) -> bool:
    """Contact with a CHA that cannot be reconstructed."""
    return touched(case, "cha") and not case.vessel("cha").reconstructable


def cha_long(case: Case) -> bool:
    """A CHA encased over more than a short segment."""
    return contact(case, "cha") > OVER and not case.vessel("cha").short_segment


def vein_lost(case: Case) -> bool:
    """An SMV/PV, touched or occluded, that cannot be reconstructed."""
    vein = case.vessel("smv_pv")
    return vein.involved and not vein.reconstructable


def vein_needs_resection(case: Case) -> bool:
    """SMV/PV over 180°, occluded, or touched with an uneven contour or thrombus (NCCN)."""
    vein = case.vessel("smv_pv")
    uneven = vein.contour != "regular" or vein.thrombus != "none"
    return vein.contact_deg > OVER or vein.occluded or (vein.touched and uneven)


def capabilities(case: Case) -> tuple[str, ...]:
    """What an operation on these findings would need, whichever set judges them."""
    needed = []
    if vein_needs_resection(case):
        needed.append("venous_reconstruction")
    if any(touched(case, name) for name in ("sma", "ca", "cha")):
        needed.append("arterial_resection")
    if distal(case) and contact(case, "ca") > OVER and not appleby_barred(case):
        needed.append("modified_appleby")
    if touched(case, "ivc"):
        needed.append("ivc_reconstruction")
    return tuple(needed)
