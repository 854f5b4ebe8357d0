"""Facts of a series as JSON and back: so that findings are made anew without the archive.

A phase set by a person, a waiver or a new day change what follows from the facts, not the facts.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any, Final

from server.imaging.compression import Compression
from server.imaging.facts import Person, SeriesFacts
from server.imaging.landmarks import Coverage, Landmark, Seen
from server.imaging.phase import Phase, PhaseReading
from server.imaging.roles import Role
from server.imaging.sequences import Kind
from server.imaging.spacing import Gap, Spacing

Json = dict[str, Any]
_PLAIN: Final = (
    *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "description", "modality"),
    *("role_evidence", "images", "slice_thickness_mm", "rows", "columns", "kernel"),
    *("manufacturer", "burned_in", "kind_evidence", "is_attenuation", "attenuation_corrected"),
    *("announced", "patient_size_m", "patient_weight_kg", "is_derived"),
)


def to_json(one: SeriesFacts) -> Json:
    """The facts as plain values. What a person set is kept elsewhere."""
    return {
        **{name: getattr(one, name) for name in _PLAIN},
        "kind_denied": one.kind_denied.value,
        "b_values": list(one.b_values),
        "holds_in_out": one.holds_in_out,
        "uptake_lacks": list(one.uptake_lacks),
        "uptake_min": one.uptake_min,
        "role": one.role.value,
        "kind": one.kind.value,
        "made_on": one.made_on.isoformat() if one.made_on else None,
        "pixel_spacing_mm": list(one.pixel_spacing_mm) if one.pixel_spacing_mm else None,
        "regions_said": sorted(one.regions_said),
        "people": sorted(list(vars(person).values()) for person in one.people),
        "compression": _plain(one.compression),
        "spacing": _spacing_to_json(one.spacing),
        "header_phase": _reading_to_json(one.header_phase),
        "pixel_phase": _reading_to_json(one.pixel_phase) if one.pixel_phase else None,
        "coverage": _coverage_to_json(one.coverage) if one.coverage else None,
    }


def from_json(said: Json, phase_by_person: Phase | None = None) -> SeriesFacts:
    """The facts again. Raises KeyError, TypeError or ValueError for JSON of another shape."""
    made_on = said["made_on"]
    return SeriesFacts(
        **{name: said[name] for name in _PLAIN},
        kind_denied=Kind(said.get("kind_denied", Kind.UNKNOWN)),
        b_values=tuple(said.get("b_values", ())),
        holds_in_out=said.get("holds_in_out", False),
        uptake_lacks=tuple(said.get("uptake_lacks", ())),
        uptake_min=said.get("uptake_min"),
        role=Role(said["role"]),
        kind=Kind(said["kind"]),
        made_on=date.fromisoformat(made_on) if made_on else None,
        pixel_spacing_mm=_pair(said["pixel_spacing_mm"]),
        regions_said=frozenset(said["regions_said"]),
        people=frozenset(Person(*person) for person in said["people"]),
        compression=Compression(**said["compression"]),
        spacing=_spacing_from_json(said["spacing"]),
        header_phase=_reading_from_json(said["header_phase"]),
        pixel_phase=_reading_from_json(said["pixel_phase"]) if said["pixel_phase"] else None,
        coverage=_coverage_from_json(said["coverage"]) if said["coverage"] else None,
        phase_by_person=phase_by_person,
    )


def _plain(value: Any) -> Json:
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _pair(values: Any) -> tuple[float, float] | None:
    return (float(values[0]), float(values[1])) if values else None


def _spacing_to_json(one: Spacing) -> Json:
    said = {**_plain(one), "gaps": [[gap.missing, gap.from_mm, gap.to_mm] for gap in one.gaps]}
    del said["distances_mm"]  # only the looking needs them, and there may be thousands
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in said.items()
    }


def _spacing_from_json(said: Json) -> Spacing:
    listed = ("duplicates_mm", "uneven_mm", "overlaps_mm")
    normal = said["normal"]
    return Spacing(
        **{
            **said,
            **{name: tuple(said[name]) for name in listed},
            "gaps": tuple(Gap(*gap) for gap in said["gaps"]),
            "extent_mm": _pair(said["extent_mm"]),
            "normal": (normal[0], normal[1], normal[2]) if normal else None,
        }
    )


def _reading_to_json(one: PhaseReading) -> Json:
    return {
        **_plain(one),
        "phase": one.phase.value,
        "evidence": list(one.evidence),
        "measured_hu": dict(one.measured_hu),
        "excluded": sorted(phase.value for phase in one.excluded),
    }


def _reading_from_json(said: Json) -> PhaseReading:
    return PhaseReading(
        **{
            **said,
            "phase": Phase(said["phase"]),
            "evidence": tuple(said["evidence"]),
            "excluded": frozenset(map(Phase, said.get("excluded", ()))),
        }
    )


def _coverage_to_json(one: Coverage) -> Json:
    return {
        **_plain(one),
        "landmarks": {place.value: _plain(seen) for place, seen in one.landmarks.items()},
        "cut_sides": list(one.cut_sides),
        "turned": list(one.turned),
    }


def _coverage_from_json(said: Json) -> Coverage:
    return Coverage(
        **{
            **said,
            "landmarks": {Landmark(name): Seen(**seen) for name, seen in said["landmarks"].items()},
            "cut_sides": tuple(said["cut_sides"]),
            "turned": tuple(said.get("turned", ())),
        }
    )
