"""The pancreas tables read a second time, column by column, sharing no code with the rules.

Each function is one column of the side-by-side table that docs/organs/pancreas.md names the sources
of, written down as nested questions in the order in which a reader of the table would put them; the
rules in `server/` are tables of findings. A case here is flat and complete: every finding is known.
0 is resectable, 1 borderline, 2 locally advanced, 3 metastatic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

R, BR, LA, M = range(4)


class Seen(NamedTuple):
    """One complete case: degrees of contact by vessel, and what the columns ask beside them."""

    site: str = "head"
    m1: bool = False
    sma: int = 0
    sma_deformed: bool = False
    ca: int = 0
    ca_deformed: bool = False
    cha: int = 0
    cha_extends: bool = False
    cha_short: bool = True
    cha_reconstructable: bool = True
    gda: int = 0
    aorta: int = 0
    variant: int = 0
    ivc: int = 0
    first_artery: int = 0
    first_vein: int = 0
    vein: int = 0
    vein_contour: str = "regular"
    vein_thrombus: str = "none"
    vein_reconstructable: bool = True
    vein_beyond: bool = False
    vein_short: bool = True
    ca19_9: float = 0
    ecog: int = 0
    node: bool = False

    @property
    def occluded(self) -> bool:
        return self.vein_contour == "occluded"

    @property
    def vein_lost(self) -> bool:
        return (self.vein > 0 or self.occluded) and not self.vein_reconstructable

    def answers(self) -> dict[str, Any]:
        """The case as somebody would hand it in."""

        def vessel(degrees: int, **more: Any) -> dict[str, Any]:
            kind = "solid" if degrees else "none"
            clear = {"contour": "regular", "thrombus": "none", "reconstructable": "yes"}
            return {"contact_deg": degrees, "contact_kind": kind, **clear, **more}

        artery = {True: "deformed", False: "regular"}
        yes = {True: "yes", False: "no"}
        return {
            "site": self.site,
            "m_status": "m1" if self.m1 else "m0",
            "ca19_9_u_ml": self.ca19_9,
            "ecog": self.ecog,
            "node_proven": self.node,
            "vessels": {
                "sma": vessel(self.sma, contour=artery[self.sma_deformed]),
                "ca": vessel(self.ca, contour=artery[self.ca_deformed]),
                "cha": vessel(
                    self.cha,
                    extends_to=["ca"] if self.cha_extends else [],
                    short_segment=self.cha_short,
                    reconstructable=yes[self.cha_reconstructable],
                ),
                "gda": vessel(self.gda),
                "aorta": vessel(self.aorta),
                "variant_artery": vessel(self.variant, variant_kind="replaced_rha"),
                "ivc": vessel(self.ivc),
                "first_jejunal_artery": vessel(self.first_artery),
                "first_jejunal_vein": vessel(self.first_vein),
                "pha": vessel(0),
                "splenic_artery": vessel(0),
                "splenic_vein": vessel(0),
                "imv": vessel(0),
                "smv_pv": vessel(
                    self.vein,
                    contour=self.vein_contour,
                    thrombus=self.vein_thrombus,
                    reconstructable=yes[self.vein_reconstructable],
                    beyond_inferior_duodenum=self.vein_beyond,
                    short_segment=self.vein_short,
                ),
            },
        }


def nccn(seen: Seen) -> int:
    """The decision order of NCCN v1.2019 to v1.2022, steps 0 to 13, first hit wins."""
    distal = seen.site in ("body", "tail")
    if seen.m1:
        return M
    if seen.sma > 180:
        return LA
    if seen.ca > 180 and (not distal or seen.aorta > 0 or seen.gda > 0):
        return LA
    if seen.aorta > 0:
        return LA
    if seen.cha > 0 and (seen.cha_extends or not seen.cha_reconstructable):
        return LA
    if seen.vein_lost:
        return LA
    if seen.sma > 0 or seen.ca > 0 or seen.cha > 0 or seen.variant > 0:
        return BR
    uneven = seen.vein_contour != "regular" or seen.vein_thrombus != "none"
    if seen.vein > 180 or seen.occluded or (seen.vein > 0 and uneven):
        return BR
    return BR if seen.ivc > 0 else R


def nccn_legacy(seen: Seen) -> int:
    """As above, and the first jejunal branches in the column of locally advanced."""
    if not seen.m1 and (seen.first_artery > 0 or seen.first_vein > 0):
        return LA
    return nccn(seen)


def ahpba(seen: Seen) -> int:
    """AHPBA/SSAT/SSO 2009 in the words of its second tabulation: any venous contact is borderline."""
    if seen.m1:
        return M
    long_encasement = seen.cha > 180 and not seen.cha_short
    cha_lost = seen.cha > 0 and (seen.cha_extends or not seen.cha_reconstructable)
    if seen.sma > 180 or seen.ca > 0 or seen.aorta > 0 or long_encasement or cha_lost:
        return LA
    if seen.vein_lost:
        return LA
    touched = seen.sma > 0 or seen.cha > 0 or seen.vein > 0 or seen.occluded
    return BR if touched else R


def mdacc(seen: Seen) -> int:
    """MD Anderson 2006: of the vein only a short occlusion counts."""
    if seen.m1:
        return M
    if seen.sma > 180 or seen.ca > 180 or seen.aorta > 0 or seen.vein_lost:
        return LA
    if (seen.cha > 180 and not seen.cha_short) or (seen.cha > 0 and not seen.cha_reconstructable):
        return LA
    if seen.occluded:
        return BR if seen.vein_short else LA
    return BR if seen.sma > 0 or seen.ca > 0 or seen.cha > 0 else R


def alliance(seen: Seen) -> int:
    """Alliance A021101: exactly 180 is beyond borderline at arteries, and borderline at the vein."""
    if seen.m1:
        return M
    if seen.sma >= 180 or seen.ca >= 180 or seen.aorta > 0 or seen.vein_lost:
        return LA
    if seen.cha > 0 and not (seen.cha_short and seen.cha_reconstructable):
        return LA
    if seen.sma > 0 or seen.ca > 0 or seen.cha > 0 or seen.vein >= 180 or seen.occluded:
        return BR
    return R


def _consensus(seen: Seen, *, artery_cut_is_over: bool) -> int:
    """The anatomy that IAP 2017 and JPS share; they differ at an artery of exactly 180 degrees."""
    over = 180 if artery_cut_is_over else 181
    for degrees, deformed in ((seen.sma, seen.sma_deformed), (seen.ca, seen.ca_deformed)):
        if degrees >= over or (degrees > 0 and deformed):
            return LA
    narrowed = seen.vein > 0 and seen.vein_contour in ("bilateral_narrowing", "deformed")
    venous = seen.vein >= 180 or narrowed or seen.occluded
    beyond_cha = seen.cha_extends or seen.ca > 0  # borderline is contact "without PHA and/or CA"
    if (seen.cha > 0 and beyond_cha) or seen.aorta > 0 or seen.vein_lost:
        return LA
    if venous and seen.vein_beyond:
        return LA
    return BR if venous or seen.sma > 0 or seen.ca > 0 or seen.cha > 0 else R


def iap(seen: Seen) -> int:
    """IAP 2017: the anatomy, and biology or condition that make a resectable one borderline."""
    if seen.m1:
        return M
    anatomy = _consensus(seen, artery_cut_is_over=False)
    beside = seen.ca19_9 > 500 or seen.node or seen.ecog >= 2
    return max(anatomy, BR) if beside else anatomy


def jps(seen: Seen) -> int:
    """JPS 7th edition: the same anatomy, arteries at exactly 180 degrees unresectable."""
    return M if seen.m1 else _consensus(seen, artery_cut_is_over=True)


def dpcg(seen: Seen) -> int:
    """DPCG 2012: degrees alone."""
    if seen.m1:
        return M
    if max(seen.sma, seen.ca, seen.cha) > 90 or seen.vein > 270 or seen.occluded:
        return LA
    return BR if max(seen.sma, seen.ca, seen.cha) > 0 or seen.vein > 90 else R


READINGS: dict[str, Callable[[Seen], int]] = {
    "nccn-2022": nccn,
    "nccn-legacy": nccn_legacy,
    "ahpba-2009": ahpba,
    "mdacc-2006": mdacc,
    "alliance-a021101": alliance,
    "iap-2017": iap,
    "jps-7": jps,
    "dpcg-2012": dpcg,
}
