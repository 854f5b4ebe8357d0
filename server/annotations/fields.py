"""Walks an unfolded organ schema: which fields there are, and how a sentence calls them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One place in the form. `path` holds the property names from the root of the answers."""

    path: tuple[str, ...]
    schema: Schema
    section: str
    name: str

    @property
    def pointer(self) -> str:
        """The JSON pointer (RFC 6901) of the field in the answers."""
        return pointer(self.path)

    @property
    def hints(self) -> Schema:
        """The field's `x-margin` object."""
        return hints(self.schema)

    @property
    def label(self) -> str:
        """What stands before the field in the form."""
        return str(self.hints.get("label", self.path[-1] if self.path else ""))

    def children(self) -> list[Field]:
        """The fields one level below, in their order."""
        found = [_child(self, key, sub) for key, sub in properties(self.schema).items()]
        return sorted(found, key=lambda child: child.hints.get("order", 0))


def hints(schema: Schema) -> Schema:
    """The `x-margin` object of a schema node, empty if there is none."""
    found = schema.get("x-margin")
    return found if isinstance(found, dict) else {}


def properties(schema: Schema) -> dict[str, Schema]:
    """The properties of an object schema, empty for anything else."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def pointer(path: Sequence[object]) -> str:
    """A JSON pointer (RFC 6901) from the steps of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def root(schema: Schema) -> Field:
    """The whole form as a field."""
    name = str(hints(schema).get("sentence", "the form"))
    return Field(path=(), schema=schema, section="", name=capitalised(name))


def every_field(schema: Schema) -> Iterator[Field]:
    """All fields below the root, parents before children."""
    waiting = root(schema).children()
    while waiting:
        field = waiting.pop(0)
        yield field
        waiting[:0] = field.children()


def nearest_field(schema: Schema, path: Sequence[object]) -> Field:
    """The deepest field of the schema that lies on `path` (the root if none does)."""
    here = root(schema)
    for step in path:
        if not isinstance(step, str) or step not in properties(here.schema):
            break
        here = _child(here, step, properties(here.schema)[step])
    return here


def answer_at(answers: object, path: Sequence[str]) -> Any:
    """The value at `path`, or None where there is none."""
    here = answers
    for step in path:
        if not isinstance(here, dict) or step not in here:
            return None
        here = here[step]
    return here


def is_answered(value: object) -> bool:
    """Whether a value says anything: not absent, not blank text, not an empty object."""
    if value is None:
        return False
    if isinstance(value, str):
        return bool(value.strip())
    return not (isinstance(value, dict) and not value)


def capitalised(text: str) -> str:
    """The text with its first letter large and the rest untouched."""
    return text[:1].upper() + text[1:]


def _child(parent: Field, key: str, schema: Schema) -> Field:
    own = hints(schema)
    label = str(own.get("label", key))
    return Field(
        path=(*parent.path, key),
        schema=schema,
        section=str(own.get("section", parent.section)),
        name=_name(parent, own, label),
    )


def _name(parent: Field, own: Schema, label: str) -> str:
    if "sentence" in own:
        return capitalised(str(own["sentence"]))
    if not parent.path:
        return label
    if parent.hints.get("widget") == "vessel":
        return f"{label} of {parent.hints.get('sentence', parent.label)}"
    return f"{parent.label}: {label}"
