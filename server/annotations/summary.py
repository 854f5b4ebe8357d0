"""Answers and evaluations in plain language, for the written opinion.

Walks the schema: a new organ needs nothing here. Every vessel is named, those not assessed as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from server.annotations.decision import Answers, Evaluation
from server.annotations.evidence import seen_on
from server.annotations.fields import (
    Field,
    Schema,
    answer_at,
    capitalised,
    hints,
    is_answered,
    root,
)
from server.annotations.organs.organ import Organ

NOT_ASSESSED = "not assessed"
NOT_STATED = "not stated"
CRITERIA_TITLE = "What the published criteria say"


class Row(NamedTuple):
    """One line: what, its value in words with unit, and a remark (may be empty)."""

    label: str
    value_text: str
    note: str


@dataclass(frozen=True)
class Section:
    """A titled table of the opinion."""

    title: str
    rows: tuple[Row, ...]


def sections(organ: Organ, answers: Answers, evaluations: Sequence[Evaluation]) -> list[Section]:
    """The opinion's tables in the order of the form, then what each ruleset says.

    Fields not answered are left out, except vessels ("not assessed") and what a signature requires
    ("not stated"). Sections without a row are left out.
    """
    notes = _notes(evaluations)
    fields = [field for field in _drawn(root(organ.schema)) if not _hidden(field)]
    found = []
    for section in organ.schema["x-margin"]["sections"]:
        here = [field for field in fields if field.section == section["id"]]
        rows = [row for field in here for row in _rows(field, answers, notes)]
        if rows:
            found.append(Section(str(section["title"]), tuple(rows)))
    if evaluations:
        found.append(Section(CRITERIA_TITLE, tuple(_criteria_row(e) for e in evaluations)))
    return found


def value_text(field: Field, value: Any) -> str:
    """A value of a field in words, with its unit: "120°", "not assessed", "420 mL"."""
    if isinstance(value, list):
        return "; ".join(_word(field.schema.get("items", {}), item) for item in value) or "none"
    if isinstance(value, dict):
        return _group_text(field, value)
    return _word(field.schema, value)


def _drawn(field: Field) -> Iterator[Field]:
    """The fields that get rows: plain fields first, and each vessel of the group of vessels."""
    groups = []
    for child in field.children():
        if child.hints.get("widget") == "vessels":
            groups.append(child)
        else:
            yield child
    for group in groups:
        yield from group.children()


def _hidden(field: Field) -> bool:
    return field.hints.get("widget") == "hidden"


def _rows(field: Field, answers: Answers, notes: dict[str, str]) -> Iterator[Row]:
    value = answer_at(answers, field.path)
    widget = field.hints.get("widget")
    if widget == "group":
        inner = value if isinstance(value, dict) else {}
        for child in field.children():
            if is_answered(inner.get(child.path[-1])) or child.hints.get("sign") == "required":
                label = f"{field.label}: {child.label}"
                if child.label == field.label:
                    label = field.label
                yield Row(
                    label, _said(child, inner.get(child.path[-1])), _note(child, notes, answers)
                )
        return
    if widget == "vessel":
        text = value_text(field, value) if is_answered(value) else NOT_ASSESSED
        yield Row(field.label, text, _note(field, notes, answers))
    elif is_answered(value) or field.hints.get("sign") == "required":
        yield Row(field.label, _said(field, value), _note(field, notes, answers))


def _said(field: Field, value: Any) -> str:
    return value_text(field, value) if is_answered(value) else NOT_STATED


def _group_text(field: Field, value: dict[str, Any]) -> str:
    """A vessel in one line: the contact first, then what else was answered."""
    parts = []
    for child in field.children():
        given = value.get(child.path[-1])
        if not is_answered(given) or given == []:
            continue
        words = value_text(child, given)
        bare = child.path[-1] in ("contact_deg", "contact_kind", "variant_kind", "note")
        parts.append(words if bare else f"{child.label[0].lower()}{child.label[1:]}: {words}")
    return ", ".join(parts) or NOT_ASSESSED


def _word(schema: Schema, value: Any) -> str:
    own = hints(schema)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        unit = str(own.get("unit_text", ""))
        space = "" if unit in ("", "°") else " "
        return f"{_plain(value)}{space}{unit}"
    return str(own.get("choices", {}).get(str(value), value))


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.2f}".rstrip("0")


def _notes(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """For each pointer, which rulesets miss it."""
    titles: dict[str, list[str]] = {}
    for evaluation in evaluations:
        for missing in evaluation.missing:
            titles.setdefault(missing.pointer, []).append(evaluation.title)
    return {
        pointer: f"leaves {', '.join(dict.fromkeys(who))} undecided"
        for pointer, who in titles.items()
    }


def _note(field: Field, notes: dict[str, str], answers: Answers) -> str:
    inside = [
        text
        for pointer, text in notes.items()
        if pointer == field.pointer or pointer.startswith(f"{field.pointer}/")
    ]
    return "; ".join(dict.fromkeys([*seen_on(field.pointer, answers), *inside]))


def _criteria_row(evaluation: Evaluation) -> Row:
    lines = []
    for fired in evaluation.fired:
        mark = f", {fired.trust.label}" if fired.trust.label else ""
        lines.append(f"{fired.rule}: {fired.text} [{fired.source}{mark}]")
    lines.extend(missing.text for missing in evaluation.missing)
    lines.extend(capitalised(flag.text) for flag in evaluation.flags)
    title = f"{evaluation.title}, {evaluation.ruleset} version {evaluation.version}"
    return Row(title, evaluation.label, "\n".join(lines))
