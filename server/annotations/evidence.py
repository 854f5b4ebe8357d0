"""What values were seen on: a map in the answers from the JSON pointer of a value to its evidence.

The shape of an entry is `evidence` in organs/core.json. Every UID of an entry stands in its `image`
and nowhere else, so that one walk finds them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from server.annotations.decision import Answers
from server.annotations.fields import Field, answer_at, is_answered, pointer
from server.foundation.errors import FieldProblem

EVIDENCE: Final = "evidence"
LONGEST_POINTER: Final = 100
# What holds other fields is not itself seen on anything.
_HOLDERS: Final = frozenset({"group", "vessels", "vessel"})
_UNITS: Final = {"deg": "°", "mm": " mm"}
# Why a value is unsupported, as an entry's `because` says it; entries without are of deletions.
STUDY_DETACHED: Final = "study_detached"
_WHY: Final = {STUDY_DETACHED: "its study belongs to this case no more"}
_DELETED: Final = "the measurement was deleted since"
_KINDS: Final = {
    "length": "length",
    "angle": "angle",
    "bidirectional": "diameter",
    "segment": "segment",
}


def evidence_problems(fields: Iterable[Field], answers: Answers) -> Iterator[FieldProblem]:
    """Entries whose key is not the pointer of a field that takes a value. Never raises."""
    entries = answers.get(EVIDENCE)
    if not isinstance(entries, dict):
        return
    known = {
        field.pointer: field
        for field in fields
        if field.hints.get("widget") not in _HOLDERS and field.path != (EVIDENCE,)
    }
    for key in entries:
        if str(key) not in known:
            step = str(key)[:LONGEST_POINTER]
            yield FieldProblem(
                pointer((EVIDENCE, step)),
                f'"{step}" is not the pointer of a field, so nothing can be bound to it. '
                "Leave it out.",
            )


def seen_on(place: str, answers: Answers) -> list[str]:
    """What the values at a JSON pointer and below it were seen on, in words; empty where nothing is
    bound.

    For example "seen on series 4 portal venous, image 34 (angle 118°)". A value that is no longer
    answered has no evidence.
    """
    entries = answers.get(EVIDENCE)
    if not isinstance(entries, dict):
        return []
    inside = [
        entry
        for key, entry in entries.items()
        if (key == place or str(key).startswith(f"{place}/"))
        and isinstance(entry, dict)
        and is_answered(answer_at(answers, _path(str(key))))
    ]
    return list(dict.fromkeys(evidence_words(entry) for entry in inside))


def _path(key: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in key.split("/")[1:]]


def evidence_words(entry: dict[str, Any]) -> str:
    """One entry as a phrase, such as "seen on series 4 portal venous, image 34 (angle 118°)"."""
    number = entry.get("image_number")
    image = f"image {number}" if number is not None else "an image"
    where = ", ".join(part for part in (str(entry.get("series", "")), image) if part)
    remarks = [part for part in (_figure(entry), why_unsupported(entry)) if part]
    return f"seen on {where}" + (f" ({'; '.join(remarks)})" if remarks else "")


def why_unsupported(entry: Mapping[str, Any]) -> str:
    """Why an entry supports its value no more, in words; empty for one that does."""
    if entry.get("state") != "unsupported":
        return ""
    return _WHY.get(str(entry.get("because")), _DELETED)


def standing(answers: Mapping[str, Any], study_uids: Collection[str]) -> dict[str, Any]:
    """The answers, with evidence from studies that are not among these marked as unsupported.

    Nothing is lost: the value and its entry stay, and the mark goes when the study is back. Entries
    whose measurement was deleted stay as they are.
    """
    entries = answers.get(EVIDENCE)
    if not isinstance(entries, dict):
        return dict(answers)
    return {**answers, EVIDENCE: {key: _stands(one, study_uids) for key, one in entries.items()}}


def _stands(entry: Any, study_uids: Collection[str]) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), dict):
        return entry
    here = entry["image"].get("StudyInstanceUID") in study_uids
    if not here and entry.get("state") == "supported":
        return {**entry, "state": "unsupported", "because": STUDY_DETACHED}
    if here and entry.get("because") == STUDY_DETACHED:
        kept = {name: value for name, value in entry.items() if name != "because"}
        return {**kept, "state": "supported"}
    return entry


def newly_bound(
    answers: Mapping[str, Any], before: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pointer and entry of what is bound to an image or a segment to which no value was before.

    Entries of a wrong shape are left to the schema.
    """
    entries, known = answers.get(EVIDENCE), before.get(EVIDENCE)
    seen = [_bound_to(one) for one in known.values()] if isinstance(known, dict) else []
    for key, entry in (entries if isinstance(entries, dict) else {}).items():
        if (
            isinstance(entry, dict)
            and isinstance(entry.get("image"), dict)
            and _bound_to(entry) not in seen
        ):
            yield str(key), entry


def _bound_to(entry: Any) -> tuple[Any, Any]:
    return (entry.get("image"), entry.get("segment_number")) if isinstance(entry, dict) else ({}, 0)


def _figure(entry: dict[str, Any]) -> str:
    kind = _KINDS.get(str(entry.get("kind")), "")
    if kind == "segment":
        return f"segment {entry.get('label') or entry.get('segment_number', '')}".rstrip()
    value = entry.get("value")
    if not kind or not isinstance(value, int | float):
        return ""
    return f"{kind} {value:g}{_UNITS.get(str(entry.get('unit')), '')}"


def evidence_series(answers: Mapping[str, Any]) -> dict[str, set[str]]:
    """The SOPInstanceUIDs on which the values of these answers were seen, by SeriesInstanceUID."""
    found: dict[str, set[str]] = {}
    for entry in (answers.get(EVIDENCE) or {}).values():
        image = entry.get("image") or {}
        if image.get("SeriesInstanceUID") and image.get("SOPInstanceUID"):
            found.setdefault(image["SeriesInstanceUID"], set()).add(image["SOPInstanceUID"])
    return found
