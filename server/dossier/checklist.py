"""The checklists: which records a case of one kind of cancer needs, read from checklists/*.toml. Pure.

`core.toml` holds the items of every case; a cancer's own file alters them by id and adds its own.
The files are held against `checklists/schema.json` and against each other when they are read.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from server.dossier.documents import KINDS
from server.dossier.quantities import QUANTITIES

_FOLDER: Final = Path(__file__).parent / "checklists"
_NOT_A_CANCER: Final = frozenset({"core", "markers"})
GENERIC: Final = "generic"


class ChecklistBroken(ValueError):
    """A checklist file says something that cannot be; the message names the file and the item."""


class Need(StrEnum):
    """How much an item is wanted. A case is complete only with every required item settled."""

    REQUIRED = "required"
    EXPECTED = "expected"
    WELCOME = "welcome"


_STRENGTH: Final = {Need.WELCOME: 0, Need.EXPECTED: 1, Need.REQUIRED: 2}


@dataclass(frozen=True)
class Item:
    """One thing that is wanted. `fill` says what makes it received; `raised` are circumstances that
    make it more needed, each with the need it is raised to; `source` is the requirement's number."""

    id: str
    title: str
    why: str
    format: str
    need: Need
    fill: str
    source: str
    kinds: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    raised: tuple[tuple[str, Need], ...] = ()

    def need_under(self, circumstances: Mapping[str, bool]) -> Need:
        """How much it is wanted, given what is known of the case (circumstance id -> yes or no)."""
        needs = [self.need, *(need for when, need in self.raised if circumstances.get(when))]
        return max(needs, key=_STRENGTH.__getitem__)

    def reason_under(self, circumstances: Mapping[str, bool]) -> str:
        """The circumstance that raised it to its need, or nothing."""
        need = self.need_under(circumstances)
        if need is self.need:
            return ""
        return next(when for when, to in self.raised if to is need and circumstances.get(when))


@dataclass(frozen=True)
class Circumstance:
    """A question about the case whose answer changes what is needed."""

    id: str
    question: str
    help: str = ""


@dataclass(frozen=True)
class Marker:
    """A biomarker whose result can be typed. `trust` says whether the requirements name it."""

    id: str
    title: str
    results: tuple[str, ...]
    detail: str = ""
    trust: str = "general_knowledge"


@dataclass(frozen=True)
class Checklist:
    """The records that a case of one kind of cancer needs, in the order in which they are shown."""

    id: str
    organ: str
    title: str
    items: tuple[Item, ...]
    markers: tuple[str, ...]

    def item(self, item_id: str) -> Item | None:
        """The item of that id, or None."""
        return next((item for item in self.items if item.id == item_id), None)


@cache
def checklists() -> dict[str, Checklist]:
    """Every checklist by its id. Raises ChecklistBroken."""
    core = _read("core")
    found = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        if path.stem not in _NOT_A_CANCER:
            made = _checklist(core, _read(path.stem), path.stem)
            found[made.id] = made
    return found


@cache
def circumstances() -> tuple[Circumstance, ...]:
    """The questions whose answers change what is needed."""
    return tuple(Circumstance(**one) for one in _read("core")["circumstance"])


@cache
def markers() -> dict[str, Marker]:
    """Every biomarker by its id."""
    with (_FOLDER / "markers.toml").open("rb") as file:
        listed = tomllib.load(file)["marker"]
    return {
        one["id"]: Marker(**{**one, "results": (*one["results"], "not tested")}) for one in listed
    }


def of_organ(organ: str) -> list[Checklist]:
    """The checklists to choose from for a case of that organ; the general one comes first."""
    found = [one for one in checklists().values() if one.organ == organ]
    return sorted(found, key=lambda one: one.id != organ) or [checklists()[GENERIC]]


def chosen(organ: str, cancer: str) -> Checklist:
    """The checklist of a case: the one chosen for it, or its organ's first."""
    offered = of_organ(organ)
    return next((one for one in offered if one.id == cancer), offered[0])


def _read(name: str) -> dict[str, Any]:
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        text = tomllib.load(file)
    schema = json.loads((_FOLDER / "schema.json").read_text("utf-8"))
    for error in Draft202012Validator(schema).iter_errors(text):
        place = "/".join(str(part) for part in error.absolute_path)
        raise ChecklistBroken(f"{name}.toml at {place or 'its top'}: {error.message}")
    return text


def _checklist(core: dict[str, Any], own: dict[str, Any], name: str) -> Checklist:
    raw = {item["id"]: dict(item) for item in core["item"]}
    for item in own.get("item", []):
        raw[item["id"]] = {**raw.get(item["id"], {}), **item}
    known = {one["id"] for one in core["circumstance"]}
    items = tuple(_item(name, item, known) for item in raw.values())
    wanted = tuple(own.get("markers", []))
    _known(name, "markers", wanted, markers())
    return Checklist(own["id"], own["organ"], own["title"], items, wanted)


def _item(name: str, raw: dict[str, Any], known: set[str]) -> Item:
    said = {**raw}
    raised = tuple((one["when"], Need(one["need"])) for one in said.pop("raised", []))
    _known(name, said["id"], [when for when, _ in raised], known)
    kinds, quantities = tuple(said.pop("kinds", ())), tuple(said.pop("quantities", ()))
    _known(name, said["id"], kinds, KINDS)
    _known(name, said["id"], quantities, QUANTITIES)
    try:
        return Item(
            **{**said, "need": Need(said["need"])},
            kinds=kinds,
            quantities=quantities,
            raised=raised,
        )
    except (TypeError, KeyError) as error:
        raise ChecklistBroken(f"{name}.toml, item {said['id']}: {error}") from error


def _known(name: str, where: str, used: Any, known: Any) -> None:
    for one in used:
        if one not in known:
            raise ChecklistBroken(f"{name}.toml, {where}: “{one}” is not known")
