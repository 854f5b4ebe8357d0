"""An opinion to JSON and back, and the panel's JSON to this room's values.

An issued opinion is kept as JSON, so that printing it again years later gives the same document
even when the hospital has been renamed or a ruleset has a new version.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from server.opinions.document import (
    Evaluation,
    FiredRule,
    Opinion,
    OpinionMalformed,
    Remark,
    Volume,
)

FORMAT = 1  # of the stored JSON; raised when a field changes its meaning


def to_stored(opinion: Opinion) -> dict[str, Any]:
    """The opinion as JSON-ready values; `from_stored` gives an equal opinion back."""
    return {"format": FORMAT, "opinion": _encode(opinion)}


def content_sha256(stored: Mapping[str, Any]) -> str:
    """SHA-256 of what is kept in canonical JSON (sorted keys, no blanks, ASCII), but for where and by
    which code it is verified: a hash cannot be chosen before the code that is printed beside it.
    """
    opinion = {key: one for key, one in stored["opinion"].items() if key != "verification"}
    canonical = json.dumps({**stored, "opinion": opinion}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def from_stored(stored: Mapping[str, Any]) -> Opinion:
    """The opinion kept by `to_stored`. Raises `OpinionMalformed` for an unknown format or field."""
    if stored.get("format") != FORMAT:
        raise OpinionMalformed(
            f"A stored opinion has format {stored.get('format')!r}; this version reads {FORMAT}."
        )
    opinion = _decode(Opinion, stored.get("opinion"))
    assert isinstance(opinion, Opinion)
    return opinion


def evaluation_of(panel: Mapping[str, Any]) -> Evaluation:
    """An `Evaluation` from the panel API's Evaluation JSON; keys this room does not print are
    left.
    """
    return Evaluation(
        ruleset=str(panel["ruleset"]),
        title=str(panel["title"]),
        version=str(panel.get("version") or ""),
        category=panel.get("category"),
        category_label=str(panel.get("category_label") or ""),
        interval_label=str(panel.get("interval_label") or ""),
        fired=tuple(
            FiredRule(
                rule=str(fired["rule"]),
                source=str(fired.get("source") or ""),
                trust=str(fired.get("trust") or ""),
                text=str(fired.get("text") or ""),
            )
            for fired in panel.get("fired") or ()
        ),
        missing=tuple(
            Remark(str(missing.get("pointer") or ""), str(missing["text"]))
            for missing in panel.get("missing") or ()
        ),
        flags=tuple(
            Remark(str(flag.get("id") or ""), str(flag["text"]))
            for flag in panel.get("flags") or ()
        ),
        capabilities=tuple(
            str(capability).replace("_", " ") for capability in panel.get("capabilities") or ()
        ),
    )


def volume_of(panel: Mapping[str, Any]) -> Volume:
    """A `Volume` from the panel API's Volume JSON (mL, percent); other keys are left."""
    known = {field.name for field in fields(Volume)}
    given = {key: value for key, value in panel.items() if key in known and value is not None}
    return Volume(**given)


def _encode(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, date):  # a datetime is a date
        return value.isoformat()
    return value


def _decode(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (inner,) = (arg for arg in get_args(hint) if arg is not type(None))
        return _decode(inner, value)
    if origin is tuple:
        return tuple(_decode(get_args(hint)[0], item) for item in value)
    if origin is Literal:
        return value
    if is_dataclass(hint):
        return _decode_dataclass(hint, value)
    if hint in (date, datetime):
        return hint.fromisoformat(value)
    return value


def _decode_dataclass(kind: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise OpinionMalformed(f"A stored {kind.__name__} is not an object.")
    hints = get_type_hints(kind)
    unknown = set(value) - set(hints)
    if unknown:
        raise OpinionMalformed(f"A stored {kind.__name__} has unknown fields: {sorted(unknown)}.")
    return kind(**{name: _decode(hints[name], item) for name, item in value.items()})
