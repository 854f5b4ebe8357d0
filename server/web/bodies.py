"""What programs and our own scripts send as JSON: read strictly, in one way, for every address.

What cannot be read at all is a BadRequest; what can be read and does not fit is an Invalid that names
each field by its JSON pointer (RFC 6901). Nothing that is sent makes this fail in another way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from flask import request

from server.annotations.fields import pointer
from server.annotations.judging import whole_number
from server.foundation.errors import BadRequest, FieldProblem, Invalid, TooLarge

MOST_BYTES: Final = 4 * 1024 * 1024
MOST_DEPTH: Final = 24
MOST_VALUES: Final = 20_000
# A cut that was drawn through a liver has thousands of points, three numbers each.
MOST_BYTES_DRAWN: Final = 16 * 1024 * 1024
MOST_VALUES_DRAWN: Final = 1_000_000
LONGEST_TEXT: Final = 100_000
# Beyond these no number that is meant survives as a float (IEEE 754, 53 bits of significand).
LARGEST_NUMBER: Final = 2.0**53


# Of somebody who was not let in: the largest opinion at `/verify`, a form or a few fields elsewhere.
MOST_BYTES_OF_STRANGERS: Final = 1_000_000
MOST_BYTES_OF_A_STRANGERS_FILE: Final = 31_000_000


class BodyNotUnderstood(BadRequest):
    """The body is not the JSON that was agreed."""


class BodyTooLong(TooLarge):
    """The body is larger than any request here needs to be."""


class ValuesRefused(Invalid):
    """Values of the body cannot be kept by anybody."""


def bound_strangers(*, takes_a_file: bool) -> None:
    """Take no more of this request than anybody needs to send who is not let in; more is answered 413."""
    bound = takes_a_file and not request.is_json
    most = MOST_BYTES_OF_A_STRANGERS_FILE if bound else MOST_BYTES_OF_STRANGERS
    request.max_content_length = min(request.max_content_length or most, most)


def has_body() -> bool:
    """Whether anything stands behind the headers of this request."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def is_form() -> bool:
    """Whether the body is what a form sends."""
    return request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded")


def await_body() -> None:
    """Have the whole body here. Before a transaction that writes: a slow line would keep all others
    waiting for its end. Of JSON no more is read than some address takes."""
    if is_form():
        _ = request.form
    else:
        request.stream = BytesIO(request.stream.read(MOST_BYTES_DRAWN + 1))


def json_body(*, most_bytes: int = MOST_BYTES, most_values: int = MOST_VALUES) -> Any:
    """The body as JSON values. Raises BodyNotUnderstood, BodyTooLong or ValuesRefused."""
    text = request.stream.read(most_bytes + 1)
    if len(text) > most_bytes:
        raise BodyTooLong(
            f"The body is larger than {most_bytes // 1024 // 1024} MB.",
            remedy="Send documents and images by their own addresses.",
        )
    try:
        body = json.loads(
            text,
            object_pairs_hook=_without_repetition,
            parse_constant=_no_such_number,
            parse_int=whole_number,
        )
    except RecursionError as error:
        raise BodyNotUnderstood("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise BodyNotUnderstood(
            f"The body is not JSON: {error}.", remedy="Send a JSON object."
        ) from error
    problems = _faults(body, most_values)
    if problems:
        raise ValuesRefused("Something in the body cannot be kept.", problems)
    return body


def fields_of_body(
    expected: Mapping[str, type], optional: Mapping[str, type] = MappingProxyType({})
) -> dict[str, Any]:
    """The body as an object with these fields of these kinds, whatever else it has. What is optional
    may be left out, and is of its kind where it is there.

    For our own scripts, which were made together with this server. Raises as `json_body`.
    """
    body = json_body(most_bytes=MOST_BYTES_DRAWN, most_values=MOST_VALUES_DRAWN)
    if not isinstance(body, dict):
        raise BodyNotUnderstood("The body is not a JSON object.", remedy="Reload the page.")
    there = {name: kind for name, kind in optional.items() if name in body}
    for name, kind in {**expected, **there}.items():
        value = body.get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BodyNotUnderstood(
                f"“{name}” is missing or of another kind.", remedy="Reload the page."
            )
    return body


def fault_of_text(value: str) -> str:
    """Why a text cannot be kept, or nothing: PostgreSQL keeps no NUL, UTF-8 no half surrogates."""
    if len(value) > LONGEST_TEXT:
        return f"This text is longer than {LONGEST_TEXT} characters."
    broken = any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value)
    return "This text holds characters that cannot be kept." if broken else ""


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"“{name[:100]}” stands twice in one object")
        found[name] = value
    return found


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _faults(body: Any, most_values: int) -> list[FieldProblem]:
    waiting: list[tuple[tuple[object, ...], Any]] = [((), body)]
    found: list[FieldProblem] = []
    count = 0
    while waiting and len(found) < 20:
        path, value = waiting.pop()
        count += 1
        if count > most_values:
            return [FieldProblem("", f"The body holds more than {most_values} values.")]
        fault = _fault(value, len(path))
        if fault:
            found.append(FieldProblem(pointer(path), fault))
        elif isinstance(value, dict):
            waiting += [((*path, name), below) for name, below in value.items()]
            found += [FieldProblem(pointer(path), why) for why in _name_faults(value)]
        elif isinstance(value, list):
            waiting += [((*path, index), below) for index, below in enumerate(value)]
    return found


def _name_faults(value: dict[str, Any]) -> list[str]:
    bad = any(len(name) > 200 or fault_of_text(name) for name in value)
    return ["A name of a field in here cannot be read."] if bad else []


def _fault(value: Any, depth: int) -> str:
    if depth > MOST_DEPTH:
        return f"This is nested more than {MOST_DEPTH} levels deep."
    if isinstance(value, str):
        return fault_of_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            return "This number is too large."
        return "This number is too large." if abs(value) > LARGEST_NUMBER else ""
    return ""
