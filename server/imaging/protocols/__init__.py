"""What imaging each kind of question needs: one file for each protocol, checked against a schema.

Adding a protocol is adding a file. Each group of numbers stands beside its source and a mark of how
far that is to be trusted.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from server.foundation.errors import Invalid, NotFound
from server.imaging.landmarks import Landmark
from server.imaging.phase import Phase
from server.imaging.sequences import Kind

_FOLDER: Final = Path(__file__).parent
NEEDS: Final = ("required", "expected", "welcome")
GENERAL_KNOWLEDGE: Final = "general_knowledge"


class ProtocolNotFound(NotFound):
    """There is no protocol of that name."""


class ProtocolFileWrong(Invalid):
    """A protocol's file is not as the schema wants it."""


@dataclass(frozen=True)
class Thickness:
    """Slices up to `good_mm` are as they should be, up to `limit_mm` they do, above `refuse_mm`
    nothing can be judged. `gap_mm` is how much may lie unseen between two slices.
    """

    good_mm: float
    limit_mm: float
    refuse_mm: float
    source: str
    trust: str
    gap_mm: float = 0.0


@dataclass(frozen=True)
class Recency:
    """Images up to `green_days` old are fresh, up to `amber_days` acceptable; above
    `definitive_days` no definitive verdict is given without a recorded override.
    """

    green_days: int
    amber_days: int
    definitive_days: int
    source: str
    trust: str


@dataclass(frozen=True)
class _PartlySourced:
    """A group of numbers of which the `unsourced` ones do not stand in its source."""

    source: str
    trust: str
    unsourced: tuple[str, ...] = field(default=(), kw_only=True)

    def trust_of(self, number: str) -> str:
        """How far one of its numbers is to be trusted."""
        return GENERAL_KNOWLEDGE if number in self.unsourced else self.trust


@dataclass(frozen=True)
class CoverageNeeded(_PartlySourced):
    """Which landmarks must and should be shown, and how long the stack is at least where pixels tell
    nothing (mm). `most_cut_share` is for an organ that is needed whole: cut off through more than this
    share of its largest slice, too much of it is missing to answer the question.
    """

    required: tuple[Landmark, ...] = ()
    expected: tuple[Landmark, ...] = ()
    least_length_mm: float = 0.0
    most_cut_share: float | None = None


@dataclass(frozen=True)
class Picture:
    """Pixels of one slice: matrix, field of view in mm, loss of compression, `kernel` "soft" or any."""

    least_matrix: int
    least_field_of_view_mm: float
    most_ratio: float
    source: str
    trust: str
    kernel: str = ""


@dataclass(frozen=True)
class Want(_PartlySourced):
    """One thing a protocol asks for. What is empty is not asked; `need` is one of `NEEDS`.

    `least_length_mm` is how much the stack shows at least along its slices' normal, `least_b` (s/mm²)
    the strongest weighting by diffusion that it has at least; `least_matrix` and `most_thickness_mm`
    stand instead of the protocol's own numbers.
    """

    id: str = field(kw_only=True)
    need: str = field(kw_only=True)
    modality: str = field(kw_only=True)
    phases: tuple[Phase, ...] = ()
    second_best: tuple[Phase, ...] = ()
    contrast: bool = False
    kinds: tuple[Kind, ...] = ()
    plane: str = ""
    most_thickness_mm: float | None = None
    least_length_mm: float | None = None
    least_matrix: int | None = None
    least_b: float | None = None
    beside_pet: bool = False
    region_known: bool = False


@dataclass(frozen=True)
class Also:
    """Another protocol whose images are asked for beside this one's."""

    protocol: str
    need: str
    source: str
    trust: str


@dataclass(frozen=True)
class Protocol:
    """What imaging one kind of question needs. `sheet` holds what a sheet for the scanner prints."""

    id: str
    title: str
    version: str
    organs: tuple[str, ...]
    modality: str
    region: str
    note: str
    recency: Recency
    wants: tuple[Want, ...]
    thickness: Thickness | None = None
    coverage: CoverageNeeded | None = None
    picture: Picture | None = None
    also: tuple[Also, ...] = ()
    sheet: dict[str, Any] | None = None


@cache
def protocols() -> dict[str, Protocol]:
    """All protocols by id. Raises ProtocolFileWrong."""
    found = [read_protocol(path.read_text(), path.name) for path in sorted(_FOLDER.glob("*.toml"))]
    known = {one.id: one for one in found}
    for one in found:
        for other in one.also:
            if other.protocol not in known:
                raise ProtocolFileWrong(f"{one.id} asks for {other.protocol}, which is unknown.")
    return known


def protocol_named(protocol_id: str) -> Protocol:
    """The protocol of that id. Raises ProtocolNotFound, naming all there are."""
    found = protocols().get(protocol_id)
    if found is None:
        raise ProtocolNotFound(
            f'There is no protocol "{protocol_id[:60]}".',
            remedy=f"Protocols are: {', '.join(protocols())}.",
        )
    return found


def protocols_of(organ: str) -> tuple[Protocol, ...]:
    """The protocols any one of which answers an organ's question; empty for an unknown organ."""
    return tuple(one for one in protocols().values() if organ in one.organs)


def read_protocol(text: str, name: str) -> Protocol:
    """A protocol from the text of its file. Raises ProtocolFileWrong, naming the place."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise ProtocolFileWrong(f"{name} is not TOML: {reason}.") from reason
    errors = sorted(_validator().iter_errors(said), key=lambda error: list(error.path))
    if errors:
        place = "/".join(map(str, errors[0].path)) or "the file"
        raise ProtocolFileWrong(f"{name}: {place}: {errors[0].message}")
    found = _protocol(said)
    _check_order(found, name)
    return found


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads((_FOLDER / "protocol.schema.json").read_text()))


def _protocol(said: dict[str, Any]) -> Protocol:
    coverage = said.get("coverage")
    return Protocol(
        id=said["id"],
        title=said["title"],
        version=said["version"],
        organs=tuple(said["organs"]),
        modality=said["modality"],
        region=said["region"],
        note=said["note"],
        recency=Recency(**said["recency"]),
        wants=tuple(_want(one, said["modality"]) for one in said["want"]),
        thickness=Thickness(**said["thickness"]) if "thickness" in said else None,
        coverage=CoverageNeeded(
            **{
                **coverage,
                "required": tuple(map(Landmark, coverage.get("required", ()))),
                "expected": tuple(map(Landmark, coverage.get("expected", ()))),
                "unsourced": tuple(coverage.get("unsourced", ())),
            }
        )
        if coverage
        else None,
        picture=Picture(**said["picture"]) if "picture" in said else None,
        also=tuple(Also(**one) for one in said.get("also", ())),
        sheet=said.get("sheet"),
    )


def _want(said: dict[str, Any], modality: str) -> Want:
    return Want(
        **{
            "modality": modality,
            **said,
            "phases": tuple(map(Phase, said.get("phases", ()))),
            "second_best": tuple(map(Phase, said.get("second_best", ()))),
            "kinds": tuple(map(Kind, said.get("kinds", ()))),
            "unsourced": tuple(said.get("unsourced", ())),
        }
    )


def _check_order(found: Protocol, name: str) -> None:
    """What a schema cannot say: limits stand in their order, wants have different names."""
    days = found.recency
    ascending = [days.green_days <= days.amber_days <= days.definitive_days]
    if found.thickness is not None:
        one = found.thickness
        ascending.append(one.good_mm <= one.limit_mm <= one.refuse_mm)
    if not all(ascending):
        raise ProtocolFileWrong(f"{name}: limits must ascend from good to refused.")
    names = [want.id for want in found.wants]
    if len(set(names)) != len(names):
        raise ProtocolFileWrong(f"{name}: two wants have the same id.")
