"""Reading a search from a query string into a value (PS3.18 8.3.4). Pure.

What is not known is passed over, as PS3.18 8.3.4 allows: other parameters, attributes that the DICOM
dictionary does not have, and attributes that are never matched. What is known and cannot be
understood is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from server.dicomweb.query.attributes import CHARACTER_SET, RETRIEVE_URL, TIMEZONE
from server.foundation.errors import BadRequest

MOST_RESULTS = 5000
LONGEST_QUERY_BYTES = 65536
MOST_PARAMETERS = 256
MOST_FIELDS = 1000
LONGEST_PATH = 8  # sequences within sequences
LONGEST_NAME = 512
MOST_DIGITS = 9

OPTIONS = frozenset(
    (
        "accept",
        "emptyvaluematching",
        "fuzzymatching",
        "includefield",
        "limit",
        "multiplevaluematching",
        "offset",
    )
)
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_LOWEST_GROUP = 0x0008  # what lies below describes a file or a message, not an instance
# They say how to read others (PS3.4 C.2.2.2), or how to come by what was found.
_NEVER_MATCHED = frozenset({CHARACTER_SET, TIMEZONE, RETRIEVE_URL})
_BINARY = re.compile(r"O[BDFLVW]|UN|NONE")


@dataclass(frozen=True)
class Key:
    """An attribute to match: `path` from the outermost sequence inwards, as tags of eight
    hexadecimal digits; `vr` as in PS3.6; `value` as it was asked for, never empty.
    """

    path: tuple[str, ...]
    vr: str
    value: str

    @property
    def name(self) -> str:
        """The attribute as a sentence names it."""
        return ".".join(keyword_for_tag(int(tag, 16)) or tag for tag in self.path)


@dataclass(frozen=True)
class Query:
    """A search as we understand it; `limit` and `offset` count results.

    `fields` are the paths asked for with `includefield` and those of every attribute that the search
    names, with or without a value.
    """

    keys: tuple[Key, ...]
    fields: tuple[tuple[str, ...], ...]
    all_fields: bool
    limit: int | None
    offset: int
    fuzzy: bool
    empty_values: bool
    multiple_values: bool


def read_query(query_string: bytes) -> Query:
    """The search in a query string.

    Raises BadRequest for attributes given twice, options that are neither here nor there, numbers
    that are none, and more of anything than a search needs.
    """
    options: dict[str, list[str]] = {}
    keys: dict[tuple[str, ...], str] = {}
    for name, value in _parameters(query_string):
        if name in OPTIONS:
            options.setdefault(name, []).append(value)
            continue
        path = path_of(name)
        if path is None:
            continue
        if path in keys:
            raise BadRequest(f"{Key(path, '', '').name} is given twice in this search.")
        keys[path] = value.strip()
    included = [
        name.strip() for text in options.get("includefield", ()) for name in text.split(",")
    ]
    if len(included) > MOST_FIELDS:
        raise BadRequest(f"A search names at most {MOST_FIELDS} attributes to include.")
    fields = [path for name in included if (path := path_of(name)) is not None]
    return Query(
        keys=tuple(_matched(keys)),
        fields=tuple(dict.fromkeys((*fields, *keys))),
        all_fields="all" in included,
        limit=_number(options, "limit"),
        offset=_number(options, "offset") or 0,
        fuzzy=_flag(options, "fuzzymatching"),
        empty_values=_flag(options, "emptyvaluematching"),
        multiple_values=_flag(options, "multiplevaluematching"),
    )


def _parameters(query_string: bytes) -> list[tuple[str, str]]:
    if len(query_string) > LONGEST_QUERY_BYTES:
        raise BadRequest(
            f"A search is at most {LONGEST_QUERY_BYTES} bytes long.",
            remedy="Ask for fewer UIDs at once.",
        )
    pieces = [piece for piece in query_string.split(b"&") if piece]
    if len(pieces) > MOST_PARAMETERS:
        raise BadRequest(f"A search has at most {MOST_PARAMETERS} parameters.")
    split = (piece.decode("utf-8", "replace").partition("=") for piece in pieces)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in split]


def _matched(keys: dict[tuple[str, ...], str]) -> Iterable[Key]:
    """What restricts the search: an empty value, or nothing but `*`, is a universal match."""
    for path, value in keys.items():
        if not value.strip("*") or path[-1] in _NEVER_MATCHED:
            continue
        vr = dictionary_VR(int(path[-1], 16))
        if not _BINARY.match(vr):
            yield Key(path, vr, value)


def path_of(name: str) -> tuple[str, ...] | None:
    """The tags of `a.b.c`, each part a keyword or a tag, all but the last sequences; else None."""
    return _path_of(name) if len(name) <= LONGEST_NAME else None


@lru_cache(maxsize=1024)
def _path_of(name: str) -> tuple[str, ...] | None:
    parts = name.split(".")
    if len(parts) > LONGEST_PATH:
        return None
    found = [_tag(part) for part in parts]
    path = tuple(tag for tag in found if tag is not None)
    if len(path) < len(parts) or any(dictionary_VR(int(tag, 16)) != "SQ" for tag in path[:-1]):
        return None
    return path


def _tag(name: str) -> str | None:
    """The tag of a keyword or tag that the DICOM dictionary knows, else None."""
    if _TAG.fullmatch(name):
        known = keyword_for_tag(int(name, 16)) != ""
        tag = int(name, 16) if known else None
    else:
        tag = tag_for_keyword(name) if name else None  # some tags have no keyword
    return None if tag is None or tag >> 16 < _LOWEST_GROUP else f"{tag:08X}"


def _single(options: dict[str, list[str]], name: str) -> str | None:
    values = options.get(name, [])
    if len(values) > 1:
        raise BadRequest(f"{name} is given twice in this search.")
    return values[0] if values else None


def _flag(options: dict[str, list[str]], name: str) -> bool:
    text = (_single(options, name) or "false").lower()
    if text not in ("true", "false"):
        raise BadRequest(f"{name} is either true or false.")
    return text == "true"


def _number(options: dict[str, list[str]], name: str) -> int | None:
    text = _single(options, name)
    if text is None:
        return None
    if not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", text):
        raise BadRequest(f"{name} is a whole number, 0 or more.")
    return int(text)
