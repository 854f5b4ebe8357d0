"""What the pages of centres and surgeons send: fields read into the values that the actions take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request

from server.cases.clocks.tiers import tiers
from server.cases.countries import countries_by_name
from server.foundation.days import day_typed
from server.foundation.errors import Invalid, MarginError
from server.routing import actions
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.values import Volume
from server.routing.vocabulary import capabilities, capability_groups, centre_kinds, titles_of
from server.web.forms import text_only
from server.web.visit import Visit

EMPTY_LINES = 2
KINDS = ("organ", "capability", "operation", "subspecialty", "kind", "language")


@dataclass(frozen=True)
class VolumeTyped:
    """A line of yearly volumes as it stands in the form."""

    operation: str = ""
    year: str = ""
    count: str = ""
    source: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.operation or self.year or self.count or self.source)


def typed(name: str) -> str:
    """One field of the form, without characters that no field may hold."""
    return (text_only(request.form.get(name)) or "").strip()


def chosen(name: str) -> tuple[str, ...]:
    """Everything ticked under a name, each once."""
    return tuple(dict.fromkeys(text_only(one) or "" for one in request.form.getlist(name)))


def number(name: str, default: int) -> int:
    """A whole number; -1, which no field of these takes, when it is none."""
    text = typed(name)
    if not text:
        return default
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


def day(name: str) -> date | None:
    """A day as 2026-12-24, or None when it is none."""
    return day_typed(typed(name))


def volume_lines() -> list[VolumeTyped]:
    """The lines of yearly volumes that were filled in, as they were typed."""
    columns = [request.form.getlist(f"volume_{name}") for name in ("operation", "year", "count")]
    sources = request.form.getlist("volume_source")
    lines = [
        VolumeTyped(*((text_only(cell) or "").strip() for cell in cells))
        for cells in zip(*columns, sources, strict=False)
    ]
    return [line for line in lines if not line.is_empty]


def volumes_typed() -> tuple[Volume, ...]:
    """The same as values; what is no number becomes one that the rules refuse."""
    return tuple(
        Volume(line.operation, _whole(line.year), _whole(line.count), line.source)
        for line in volume_lines()
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


def lines_of(volumes: tuple[Volume, ...]) -> list[VolumeTyped]:
    """Kept volumes as lines of the form, with a few empty ones below."""
    kept = [
        VolumeTyped(one.operation, str(one.year), str(one.count), one.source) for one in volumes
    ]
    return [*kept, *(VolumeTyped() for _ in range(EMPTY_LINES))]


def profile_typed() -> ProfileSaid:
    """A profile as the form sends it."""
    return ProfileSaid(
        centre_id=typed("centre_id"),
        organs=chosen("organs"),
        subspecialties=chosen("subspecialties"),
        capabilities=chosen("capabilities"),
        languages=chosen("languages"),
        countries=chosen("countries"),
        accepts_tiers=chosen("accepts_tiers"),
        accepting=typed("accepting") == "yes",
        most_cases=number("most_cases", ProfileSaid.most_cases),
        time_zone=typed("time_zone"),
        calendar=typed("calendar").upper(),
        note=typed("note"),
        volumes=volumes_typed(),
    )


def centre_typed() -> CentreSaid:
    """A centre as the form sends it: each hospital has a field of how it belongs to the centre."""
    ties = [
        (name.removeprefix("hospital_"), how)
        for name, how in request.form.items()
        if name.startswith("hospital_") and how
    ]
    return CentreSaid(
        name=typed("name"),
        country=typed("country").upper(),
        time_zone=typed("time_zone"),
        kinds=chosen("kinds"),
        languages=chosen("languages"),
        capabilities=chosen("capabilities"),
        hospitals=tuple(ties),
        volumes=volumes_typed(),
        note=typed("note"),
        active=typed("active") != "no",
    )


def note_conflict(visit: Visit, *, person_id: str = "", centre_id: str = "") -> Invalid | None:
    """Note a conflict of a surgeon or of a centre from the form; the refusal when it cannot be."""
    against = typed("against")
    try:
        with visit.attempt():
            actions.add_conflict(
                visit.session,
                person_id=person_id,
                centre_id=centre_id,
                against=against,
                why=typed("why"),
                by=visit.actor.text,
                now=visit.now,
            )
    except Invalid as error:
        return error
    whose = {"person": person_id} if person_id else {"centre": centre_id}
    visit.note(**whose, conflict=against.partition(":")[0])
    return None


def errors_of(refused: MarginError | None) -> dict[str, list[str]]:
    """What an action refused, by the field it speaks of; `` for what no field is named."""
    found: dict[str, list[str]] = {}
    if refused is None:
        return found
    for problem in refused.problems:
        found.setdefault(problem.pointer.strip("/").split("/")[0], []).append(problem.message)
    if not refused.problems:
        found[""] = [f"{refused.detail} {refused.remedy}".strip()]
    return found


def offered() -> dict[str, Any]:
    """What the forms of centres and surgeons offer to choose from."""
    return {
        "groups": _capability_groups(),
        "titles": {kind: titles_of(kind) for kind in KINDS},
        "countries": countries_by_name(),
        "tiers": {one.id: one.title for one in tiers().values()},
        "kind_sources": {one.id: one.source for one in centre_kinds().values()},
    }


def _capability_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            title,
            [(one.id, one.title) for one in capabilities().values() if one.group == group],
        )
        for group, title in capability_groups().items()
    ]
