"""What differs between two revisions, in the words of the form: field, before, after.

Pure. Every single value is one change; those of one vessel or group stand together under its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from server.annotations.evidence import EVIDENCE, evidence_words
from server.annotations.fields import Field, answer_at, is_answered, nearest_field, pointer
from server.annotations.organs.organ import Organ
from server.annotations.summary import value_text

NOT_ANSWERED: Final = "not answered"
NOTHING_BOUND: Final = "nothing"
_HOLDERS: Final = frozenset({"group", "vessels", "vessel"})


@dataclass(frozen=True)
class Change:
    """One value: `place` is the vessel, group or section it belongs to, `label` the field."""

    pointer: str
    place: str
    label: str
    before: str
    after: str

    def to_json(self) -> dict[str, str]:
        """The change as plain JSON values."""
        return asdict(self)


def changes(organ: Organ, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every value in which the answers differ, in the order of the form; what the form no longer
    has comes last, under its raw name.
    """
    found = [*_of_fields(organ, before, after), *_of_evidence(organ, before, after)]
    known = {field.path for field in organ.fields}
    for path in dict.fromkeys([*_leaves(before, known), *_leaves(after, known)]):
        was, now = answer_at(before, path), answer_at(after, path)
        if was != now:
            place = nearest_field(organ.schema, path)
            words = [str(one) if is_answered(one) else NOT_ANSWERED for one in (was, now)]
            label = path[-1].replace("_", " ")
            found.append(
                Change(pointer(path), field_place(organ, place), label, words[0], words[1])
            )
    return found


def option_changes(
    organ: Organ, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> list[Change]:
    """The options of rulesets that were chosen otherwise."""
    found = []
    for ruleset in organ.rulesets:
        was, now = (ruleset.chosen(one.get(ruleset.id, {})) for one in (before, after))
        for name in was:
            if was[name] != now[name]:
                where = f"/options/{ruleset.id}/{name}"
                label = f"Option “{name}”"
                found.append(Change(where, ruleset.title, label, was[name], now[name]))
    return found


def category_changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[Change]:
    """The sets whose result is another one, by the evaluations as JSON."""
    earlier = {str(said["ruleset"]): said for said in before}
    found = []
    for said in after:
        was = earlier.get(str(said["ruleset"]))
        if was is not None and result_text(was) != result_text(said):
            change = Change(
                f"/evaluations/{said['ruleset']}",
                "Published criteria",
                str(said["title"]),
                result_text(was),
                result_text(said),
            )
            found.append(change)
    return found


def result_text(said: Mapping[str, Any]) -> str:
    """The category or the interval of an evaluation as JSON, in words."""
    found = said.get("category_label") or said.get("interval_label")
    return str(found) if found else "Not addressed by this set"


def _of_fields(
    organ: Organ, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for field in organ.fields:
        if field.hints.get("widget") in _HOLDERS or field.path == (EVIDENCE,):
            continue
        was, now = answer_at(before, field.path), answer_at(after, field.path)
        if was != now and (is_answered(was) or is_answered(now)):
            yield Change(
                field.pointer,
                field_place(organ, field),
                field.label,
                field_text(field, was),
                field_text(field, now),
            )


def _of_evidence(
    organ: Organ, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    was, now = (one.get(EVIDENCE) or {} for one in (before, after))
    for field in organ.fields:
        old, new = was.get(field.pointer), now.get(field.pointer)
        if old != new:
            words = [evidence_words(one) if one else NOTHING_BOUND for one in (old, new)]
            where = pointer((EVIDENCE, field.pointer))
            label = f"{field.label}, what it was seen on"
            if words[0] != words[1]:
                yield Change(where, field_place(organ, field), label, words[0], words[1])


def field_text(field: Field, value: Any) -> str:
    """A field's value in words; “not answered” where there is none."""
    if not is_answered(value):
        return NOT_ANSWERED
    try:
        return value_text(field, value)
    except (TypeError, ValueError, AttributeError):
        # Written under an older form, in which the field held something else.
        return str(value)


def field_place(organ: Organ, field: Field) -> str:
    """The vessel or group around a field; the section of the form for one that stands alone."""
    if len(field.path) > 1:
        holder = nearest_field(organ.schema, field.path[:-1])
        if holder.path and holder.hints.get("widget") in ("group", "vessel"):
            return holder.label
    titles = {one["id"]: str(one["title"]) for one in organ.schema["x-margin"]["sections"]}
    return titles.get(field.section, "")


def _leaves(
    answers: Mapping[str, Any], known: set[tuple[str, ...]], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths of the values for which the form has no field."""
    for name, value in answers.items():
        here = (*path, str(name))
        if here == (EVIDENCE,):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, known, here)
        elif here not in known:
            yield here
