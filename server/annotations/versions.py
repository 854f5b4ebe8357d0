"""Forms change; answers kept under an older one stay readable, and those of a newer one are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.fields import nearest_field, pointer, properties
from server.annotations.organs.organ import Organ
from server.annotations.validation import said
from server.foundation.errors import Conflict, FieldProblem

SCHEMA_VERSION: Final = "schema_version"


class FormFromTheFuture(Conflict):
    """Answers were kept under a form that this Margin does not know yet."""


@dataclass(frozen=True)
class Leftover:
    """An answer of an older form for which this one has no field any more."""

    pointer: str
    text: str


def version_problems(organ: Organ, version: object) -> list[FieldProblem]:
    """What is wrong with the version of the form that somebody sent answers with."""
    known = organ.schema_version
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        message = f"The schema version must be a whole number from 1 to {known}"
        return [FieldProblem(f"/{SCHEMA_VERSION}", f"{message}; {said(version)} was given.")]
    if version > known:
        message = (
            f"Schema version {version} of the form for {organ.id} is newer than {known}, the newest "
            "that this Margin knows. Update Margin, or send the answers in the older form."
        )
        return [FieldProblem(f"/{SCHEMA_VERSION}", message)]
    return []


def refuse_future(organ: Organ, kept_version: int) -> None:
    """Raise FormFromTheFuture for kept answers that this Margin would misread."""
    if kept_version > organ.schema_version:
        raise FormFromTheFuture(
            f"This annotation was written in version {kept_version} of the form for {organ.id}; "
            f"this Margin knows version {organ.schema_version}.",
            remedy="Update Margin to read it. Nothing of it was changed.",
        )


def leftovers(organ: Organ, answers: Mapping[str, Any]) -> list[Leftover]:
    """What the answers hold that the form has no field for, by its pointer."""
    return list(_leftovers(organ, (), answers))


def _leftovers(
    organ: Organ, path: tuple[str, ...], answers: Mapping[str, Any]
) -> Iterator[Leftover]:
    known = properties(nearest_field(organ.schema, path).schema)
    for name, value in answers.items():
        here = (*path, str(name))
        if name not in known:
            # A free map such as the evidence has no properties to miss.
            if known or not path:
                yield Leftover(pointer(here), said(value))
        elif isinstance(value, Mapping):
            yield from _leftovers(organ, here, value)
