"""Holds answers against an organ's schema and says, field by field, what is wrong and what to do.

Total: whatever is handed in (any nesting, size, type, NaN), the answer is a list of problems.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema.exceptions import ValidationError

from server.annotations.evidence import evidence_problems
from server.annotations.fields import (
    Field,
    Schema,
    capitalised,
    hints,
    nearest_field,
    pointer,
    properties,
)
from server.annotations.organs.organ import Organ
from server.foundation.errors import FieldProblem

MOST_PROBLEMS = 100
MOST_DEPTH = 8
MOST_VALUES = 5_000
MOST_CHARACTERS = 20_000
LARGEST_NUMBER = 1e15
LONGEST_STEP = 100


def problems(organ: Organ, answers: object) -> list[FieldProblem]:
    """What keeps `answers` from being a valid draft; empty when they are one.

    One problem per field, at most 100, ordered by pointer. Never raises.
    """
    if not isinstance(answers, dict):
        return [FieldProblem("", f"The answers must be a JSON object; {said(answers)} was given.")]
    unreadable = list(_unreadable(answers))
    if unreadable:
        return unreadable[:MOST_PROBLEMS]
    found: dict[str, FieldProblem] = {}
    for problem in evidence_problems(organ.fields, answers):
        found.setdefault(problem.pointer, problem)
    for error in organ.validator.iter_errors(answers):
        for problem in _told(organ.schema, error):
            found.setdefault(problem.pointer, problem)
        if len(found) >= MOST_PROBLEMS:
            break
    return sorted(found.values(), key=lambda problem: problem.pointer)[:MOST_PROBLEMS]


def said(value: object) -> str:
    """A value in the words of a message: short, quoted, never a dump."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:40]}..."'
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "something that is not JSON"


def expected(schema: Schema) -> str:
    """What a field takes, in words, such as: a whole number of degrees from 0 to 360."""
    if "oneOf" in schema:
        own = hints(schema)
        return ", or ".join(expected({**part, "x-margin": own}) for part in schema["oneOf"])
    if "enum" in schema:
        return _expected_word(schema)
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return _expected_number(schema)
    if kind == "string":
        return _expected_text(schema)
    if kind == "array":
        least, most = schema.get("minItems"), schema.get("maxItems")
        if most is not None and least == most:
            return f"a list of {most} values"
        return "a list of different values" + (f", at most {most}" if most else "")
    return "true or false" if kind == "boolean" else "an object with the fields of this group"


def _expected_word(schema: Schema) -> str:
    quoted = [f'"{value}"' for value in schema["enum"]]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _expected_number(schema: Schema) -> str:
    units = {"deg": "degrees", "%": "per cent", "umol/L": "µmol/L"}
    unit = hints(schema).get("unit")
    of_unit = f" of {units.get(str(unit), unit)}" if unit else ""
    what = ("a whole number" if schema["type"] == "integer" else "a number") + of_unit
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{what} from {_number(low)} to {_number(high)}"
    bounds = [
        f"{words} {_number(limit)}"
        for words, limit in (
            ("at least", low),
            ("above", above),
            ("at most", high),
            ("below", below),
        )
        if limit is not None
    ]
    return f"{what} {' and '.join(bounds)}".rstrip()


def _expected_text(schema: Schema) -> str:
    if schema.get("format") == "date":
        return "a date written YYYY-MM-DD"
    if "pattern" in schema:
        return f"letters, digits, dots and dashes, at most {schema.get('maxLength')}"
    least = "some text" if schema.get("minLength") else "text"
    return f"{least} of at most {schema.get('maxLength')} characters"


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "something that is not a finite number"
    if abs(value) >= LARGEST_NUMBER:
        return "a number far too large"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _told(schema: Schema, error: ValidationError) -> Iterator[FieldProblem]:
    path = list(error.absolute_path)
    field = nearest_field(schema, path)
    if error.validator == "additionalProperties":
        yield from _unknown_fields(error, path, field.name)
        return
    if error.validator == "required":
        for name in sorted(set(_names(error.validator_value)) - set(_names(error.instance))):
            missing = nearest_field(schema, [*path, name])
            what = _place(missing, [*path, name])
            yield FieldProblem(pointer([*path, name]), f"{what} is missing; fill it in.")
        return
    node = error.schema if isinstance(error.schema, dict) else field.schema
    if error.validator == "uniqueItems":
        message = f"{field.name} names the same value twice; name each once."
    else:
        what = _place(field, path)
        message = f"{what} must be {expected(node)}; {said(error.instance)} was given."
    yield FieldProblem(pointer(path), message)


def _place(field: Field, path: Sequence[str | int]) -> str:
    """The field's name; of a part that is no field of its own, such as the width of a view, also
    the part's."""
    parts = [step for step in path[len(field.path) :] if isinstance(step, str)]
    return f'{field.name}: "{parts[-1][:LONGEST_STEP]}"' if parts else field.name


def _unknown_fields(
    error: ValidationError, path: list[str | int], name: str
) -> Iterator[FieldProblem]:
    node = error.schema
    known = list(properties(node)) if isinstance(node, dict) else []
    for key in list(set(_names(error.instance)) - set(known))[:MOST_PROBLEMS]:
        close = difflib.get_close_matches(key[:LONGEST_STEP], known, n=1)
        remedy = f'Did you mean "{close[0]}"?' if close else "Leave it out."
        message = f"{said(key)} is not a field of {_inside(name)}. {capitalised(remedy)}"
        yield FieldProblem(pointer([*path, key[:LONGEST_STEP]]), message)


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | dict) else []


def _inside(name: str) -> str:
    return name[0].lower() + name[1:] if name.startswith("The ") else name


def _unreadable(answers: dict[Any, Any]) -> Iterator[FieldProblem]:
    """What cannot be JSON at all, or is out of all proportion; found without recursion."""
    waiting: list[tuple[tuple[object, ...], object]] = [((), answers)]
    count = 0
    while waiting:
        path, value = waiting.pop()
        count += 1
        if count > MOST_VALUES:
            yield FieldProblem("", f"The answers hold more than {MOST_VALUES} values; send fewer.")
            return
        fault = _fault(value, len(path))
        if fault:
            yield FieldProblem(pointer(path), fault)
            continue
        if isinstance(value, Mapping):
            for key, below in value.items():
                if not isinstance(key, str) or _fault_of_text(key):
                    yield FieldProblem(pointer(path), "A name of a field in here is not readable.")
                    break
                waiting.append(((*path, key[:LONGEST_STEP]), below))
        elif isinstance(value, list):
            waiting.extend(((*path, index), below) for index, below in enumerate(value))


def _fault(value: object, depth: int) -> str:
    if depth > MOST_DEPTH:
        return f"This is nested more than {MOST_DEPTH} levels deep; no field is."
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return "This is not a finite number; give a number, or leave the field out."
    if isinstance(value, int | float):
        return "This number is far too large." if abs(value) >= LARGEST_NUMBER else ""
    if isinstance(value, str):
        return _fault_of_text(value)
    return "" if isinstance(value, dict | list) else "This is not a JSON value."


def _fault_of_text(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        return f"This text is longer than {MOST_CHARACTERS} characters."
    # PostgreSQL keeps no NUL, and half a surrogate pair cannot be written as UTF-8.
    broken = any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value)
    return "This text holds characters that cannot be kept; type it again." if broken else ""
