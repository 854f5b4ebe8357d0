"""From answers to findings: what is known, what is not, and the best and worst that can hide there.

Every ruleset of the pancreas judges a `Case`, in which everything is known. Answers leave things
open, so they become a best case plus a list of `Unknown`s, each with the worst its part may be.
Worse is the same direction for all published sets: more contact, occlusion, tumour thrombus, not
reconstructable, further extension, head rather than body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import Any, Final

from server.annotations.decision import Answers, Flag, Options
from server.annotations.organs.scale import degrees_of, haze_text, number_of

VESSELS: Final = {
    "sma": "SMA",
    "first_jejunal_artery": "First jejunal artery",
    "ca": "Coeliac axis",
    "cha": "CHA",
    "pha": "PHA",
    "gda": "GDA",
    "splenic_artery": "Splenic artery",
    "aorta": "Aorta",
    "variant_artery": "Variant artery",
    "smv_pv": "SMV/PV",
    "first_jejunal_vein": "First jejunal vein",
    "splenic_vein": "Splenic vein",
    "imv": "IMV",
    "ivc": "IVC",
}
SITES: Final = ("head", "uncinate", "neck", "body", "tail")
CONTOURS: Final = (  # from best to worst
    "regular",
    "unilateral_narrowing",
    "irregular",
    "bilateral_narrowing",
    "deformed",
    "occluded",
)
THROMBI: Final = ("none", "bland", "indeterminate", "tumour")  # from best to worst
EXTENSIONS: Final = frozenset({*VESSELS, "hepatic_bifurcation"})
# The option of a ruleset that judges patients too: "interval" leaves open what is not given there.
UNSTATED: Final = "unstated_bc"


@dataclass(frozen=True)
class Vessel:
    """One vessel with everything known. `contact_deg` 0-360 counts solid contact only."""

    contact_deg: int = 0
    contour: str = "regular"
    thrombus: str = "none"
    reconstructable: bool = True
    extends_to: frozenset[str] = frozenset()
    beyond_inferior_duodenum: bool = False
    short_segment: bool = True

    @property
    def touched(self) -> bool:
        """Any solid contact."""
        return self.contact_deg > 0

    @property
    def occluded(self) -> bool:
        """No lumen left."""
        return self.contour == "occluded"

    @property
    def involved(self) -> bool:
        """Solid contact or occlusion."""
        return self.touched or self.occluded


CLEAR: Final = Vessel()
WHOLE_PATIENT: Final = ("site", "m1", "ca19_9_u_ml", "node_proven", "ecog")


@dataclass(frozen=True)
class Case:
    """A case in which everything is known, and the options of the ruleset that judges it.

    What is asked of the patient may be None, not given: CA 19-9 in U/mL, a regional node proven,
    ECOG 0-4. `suspected` names the sites of distant metastases that are not proven.
    """

    site: str = "body"
    m1: bool = False
    vessels: Mapping[str, Vessel] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    ca19_9_u_ml: float | None = None
    node_proven: bool | None = None
    ecog: int | None = None
    suspected: tuple[str, ...] = ()

    def vessel(self, name: str) -> Vessel:
        """The vessel of that name."""
        return self.vessels.get(name, CLEAR)

    def part(self, name: str) -> Any:
        """Something of the whole patient, such as the M status, or a vessel, by name."""
        return getattr(self, name) if name in WHOLE_PATIENT else self.vessel(name)

    def with_parts(self, parts: Mapping[str, Any]) -> Case:
        """The same case with some of its parts replaced."""
        own = {name: value for name, value in parts.items() if name in WHOLE_PATIENT}
        vessels = {name: value for name, value in parts.items() if name not in own}
        return replace(self, vessels={**self.vessels, **vessels}, **own)


@dataclass(frozen=True)
class Unknown:
    """Something not assessed: the part of the case it concerns, and the worst that may be there.

    No two unknowns of the same findings concern the same part.
    """

    pointer: str
    text: str
    part: str
    worst: Any


@dataclass(frozen=True)
class Taken:
    """A part of a touched vessel that was not stated and is taken as harmless.

    `field` is an attribute of Vessel, `worst` what it could be instead, `words` how it was taken.
    """

    vessel: str
    field: str
    worst: Any
    words: str


@dataclass(frozen=True)
class Findings:
    """What the answers establish: the best case, what is unknown, and remarks for the reader."""

    best: Case
    unknown: tuple[Unknown, ...]
    taken: tuple[Taken, ...]
    flags: tuple[Flag, ...]

    def with_worst(self, unknown: tuple[Unknown, ...]) -> Case:
        """The best case with the given unknowns at their worst."""
        return self.best.with_parts({item.part: item.worst for item in unknown})


def read(answers: Answers, options: Options) -> Findings:
    """Findings from answers of any shape; what cannot be read counts as not assessed."""
    known, unknown = dict[str, Vessel](), list[Unknown]()
    taken, flags = list[Taken](), list[Flag]()
    given = answers.get("vessels")
    vessels: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    readers = _readers(vessels)
    untouched = frozenset(name for name, reader in readers.items() if reader.contact_deg == 0)
    for name, reader in readers.items():
        known[name] = reader.best
        unknown.extend(reader.unknown(EXTENSIONS - untouched))
        taken.extend(reader.taken(EXTENSIONS - untouched))
        flags.extend(reader.flags())
    best = _patient(answers, Case(vessels=known, options=options))
    site, m1 = answers.get("site"), _m1(answers)
    if site in SITES:
        best = replace(best, site=str(site))
    else:
        text = "Site of the tumour not stated"
        unknown.append(Unknown("/site", text, "site", "head"))
    if m1 is None:
        text = "M status not assessed"
        unknown.append(Unknown("/m_status", text, "m1", True))
    if options.get(UNSTATED) == "interval":
        unknown.extend(_unstated(best))
    best = replace(best, m1=bool(m1))
    flags.extend(_metastasis_flags(answers))
    return Findings(best, tuple(unknown), tuple(taken), tuple(flags))


def _readers(vessels: Mapping[str, Any]) -> dict[str, _VesselReader]:
    given = {name: vessels.get(name) for name in VESSELS}
    return {
        name: _VesselReader(name, VESSELS[name], raw if isinstance(raw, Mapping) else {})
        for name, raw in given.items()
    }


def _patient(answers: Answers, case: Case) -> Case:
    """The case with what was said of the patient; what cannot be read is not given."""
    node, ecog = answers.get("node_proven"), number_of(answers.get("ecog"))
    return replace(
        case,
        ca19_9_u_ml=number_of(answers.get("ca19_9_u_ml")),
        node_proven=node if isinstance(node, bool) else None,
        ecog=int(ecog) if ecog in (0, 1, 2, 3, 4) else None,
        suspected=tuple(_unproven_sites(answers)),
    )


def _unstated(case: Case) -> Iterator[Unknown]:
    if case.ca19_9_u_ml is None:
        yield Unknown("/ca19_9_u_ml", "CA 19-9 not given", "ca19_9_u_ml", inf)
    if case.node_proven is None:
        text = "Not given whether a regional node is proven"
        yield Unknown("/node_proven", text, "node_proven", True)
    if case.ecog is None:
        yield Unknown("/ecog", "ECOG not given", "ecog", 4)


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    found: list[tuple[str, str]] = []
    given = answers.get("vessels")
    vessels: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    for name, title in VESSELS.items():
        raw = vessels.get(name)
        if isinstance(raw, Mapping):
            found.extend(_vessel_contradictions(f"/vessels/{name}", title, raw))
    if answers.get("m_status") == "m0" and _sites_with(answers, "proven"):
        sites = ", ".join(_sites_with(answers, "proven"))
        found.append(("/m_status", f"M0 is given, and a proven metastasis too ({sites})."))
    return found


@dataclass(frozen=True)
class _VesselReader:
    name: str
    title: str
    raw: Mapping[str, Any]

    @cached_property
    def contact_deg(self) -> int | None:
        """Degrees of solid contact; None when not assessed."""
        kind, degrees = self.raw.get("contact_kind"), degrees_of(self.raw.get("contact_deg"))
        if degrees is None and "contact_deg" in self.raw:
            return None  # said to be not assessed, whatever stands beside it
        if kind == "haze_only":
            return 0  # stranding is not solid contact, Al-Hawary 2014
        if degrees is None and (kind == "none" or self.raw.get("variant_kind") == "none"):
            return 0
        return degrees

    @cached_property
    def best(self) -> Vessel:
        raw, contact = self.raw, self.contact_deg
        least = 1 if raw.get("contact_kind") == "solid" and "contact_deg" not in raw else 0
        return Vessel(
            contact_deg=least if contact is None else contact,
            contour=_one_of(raw.get("contour"), CONTOURS) or "regular",
            thrombus=_one_of(raw.get("thrombus"), THROMBI) or "none",
            reconstructable=raw.get("reconstructable") != "no",
            extends_to=_extensions(raw.get("extends_to")) or frozenset(),
            beyond_inferior_duodenum=raw.get("beyond_inferior_duodenum") is True,
            short_segment=raw.get("short_segment") is not False,
        )

    def unknown(self, reachable: frozenset[str]) -> Iterator[Unknown]:
        """What is not assessed; `reachable` is where contact that was not described may go on to."""
        raw, name = self.raw, self.name
        not_stated = raw.get("reconstructable") not in ("yes", "no")
        if self.contact_deg is not None:
            if not_stated and self.best.involved:
                yield Unknown(
                    f"/vessels/{name}/reconstructable",
                    f"{self.title}: not stated whether it can be reconstructed",
                    name,
                    replace(self.best, reconstructable=False),
                )
            return
        worst: dict[str, Any] = {"contact_deg": 360}
        if _one_of(raw.get("contour"), CONTOURS) is None:
            worst["contour"] = "occluded"
        if _one_of(raw.get("thrombus"), THROMBI) is None:
            worst["thrombus"] = "tumour"
        if not_stated:
            worst["reconstructable"] = False
        if _extensions(raw.get("extends_to")) is None:
            worst["extends_to"] = reachable
        if raw.get("beyond_inferior_duodenum") is None:
            worst["beyond_inferior_duodenum"] = True
        if raw.get("short_segment") is None:
            worst["short_segment"] = False
        why = "not visible" if raw.get("contact_deg") == "not_visible" else "not assessed"
        yield Unknown(
            f"/vessels/{name}/contact_deg",
            f"{self.title}: contact {why}",
            name,
            replace(self.best, **worst),
        )

    def flags(self) -> Iterator[Flag]:
        raw = self.raw
        if raw.get("contact_kind") == "haze_only":
            yield Flag("haze", haze_text(self.title, raw.get("contact_deg")))
        for _, text in _vessel_contradictions("", self.title, raw):
            yield Flag("contradiction", text)

    def taken(self, reachable: frozenset[str]) -> Iterator[Taken]:
        """What was left unsaid of a vessel whose contact is given; `reachable` as above."""
        if not self.contact_deg:
            return
        raw, name = self.raw, self.name
        if _one_of(raw.get("contour"), CONTOURS) is None:
            yield Taken(name, "contour", "occluded", "contour as regular")
        if _one_of(raw.get("thrombus"), THROMBI) is None:
            yield Taken(name, "thrombus", "tumour", "thrombus as none")
        if _extensions(raw.get("extends_to")) is None:
            yield Taken(name, "extends_to", reachable, "extension as none")
        if not isinstance(raw.get("beyond_inferior_duodenum"), bool):
            words = "as not beyond the inferior border of the duodenum"
            yield Taken(name, "beyond_inferior_duodenum", True, words)
        if not isinstance(raw.get("short_segment"), bool):
            yield Taken(name, "short_segment", False, "segment as short")


def _vessel_contradictions(
    pointer: str, title: str, raw: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    degrees, kind = degrees_of(raw.get("contact_deg")), raw.get("contact_kind")
    if degrees is not None:
        if kind == "none" and degrees > 0:
            yield (
                f"{pointer}/contact_kind",
                f"{title}: a fat plane kept, and contact of {degrees}°.",
            )
        if kind == "solid" and degrees == 0:
            yield f"{pointer}/contact_kind", f"{title}: solid contact, and contact of 0°."
        if degrees == 0 and _extensions(raw.get("extends_to")):
            yield f"{pointer}/extends_to", f"{title}: extension named, and contact of 0°."
    clear = degrees == 0 or (degrees is None and "contact_deg" not in raw and kind == "none")
    if raw.get("thrombus") == "tumour" and (clear or kind == "haze_only"):
        without = "contact of 0°" if degrees == 0 else "no solid contact"
        yield f"{pointer}/thrombus", f"{title}: tumour thrombus, and {without}."
    if degrees is None and clear and _extensions(raw.get("extends_to")):
        yield f"{pointer}/extends_to", f"{title}: extension named, and no solid contact."
    if raw.get("variant_kind") == "none" and (degrees or kind == "solid"):
        yield f"{pointer}/variant_kind", f"{title}: no variant, and contact with one."


def _m1(answers: Answers) -> bool | None:
    if answers.get("m_status") == "m1" or _sites_with(answers, "proven"):
        return True
    return False if answers.get("m_status") == "m0" else None


def _sites_with(answers: Answers, certainty: str) -> list[str]:
    sites = answers.get("metastases")
    if not isinstance(sites, Mapping):
        return []
    return [str(site).replace("_", " ") for site, seen in sites.items() if seen == certainty]


def _unproven_sites(answers: Answers) -> list[str]:
    return [*_sites_with(answers, "suspected"), *_sites_with(answers, "probable")]


def _metastasis_flags(answers: Answers) -> Iterator[Flag]:
    open_sites = _unproven_sites(answers)
    if open_sites and not _m1(answers):
        text = f"Suspected metastasis ({', '.join(open_sites)}), not proven: not counted as M1."
        yield Flag("metastasis_unproven", text)
    if answers.get("m_status") == "m0" and _sites_with(answers, "proven"):
        yield Flag("contradiction", "M0 is given, and a proven metastasis too: counted as M1.")


def _one_of(value: object, values: tuple[str, ...]) -> str | None:
    return value if isinstance(value, str) and value in values else None


def _extensions(value: object) -> frozenset[str] | None:
    if not isinstance(value, list | tuple | set | frozenset):
        return None
    return frozenset(item for item in value if isinstance(item, str)) & EXTENSIONS
