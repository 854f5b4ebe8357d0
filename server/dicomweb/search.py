"""QIDO-RS: searches, narrowed to the grant and never widened (PS3.18 10.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, json, request
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from server.archive import PLAIN, ArchiveFailed
from server.dicomweb.accept import JSON, choose
from server.dicomweb.scope import UID, Pass, inside, wishes
from server.foundation.errors import BadRequest

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
RETRIEVE_URL = "00081190"
MOST_RESULTS = 5000
MOST_UIDS = 500
_OPTIONS = ("limit", "offset", "fuzzymatching", "includefield", "accept")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True)
class Query:
    """A search as we understand it. Tags are eight hexadecimal digits; `uids` maps a UID
    attribute's tag to the UIDs asked for; `limit` and `offset` count results.
    """

    matches: dict[str, str]
    uids: dict[str, frozenset[str]]
    fields: tuple[str, ...]
    limit: int
    offset: int

    def asks_for(self, tag: str, uid: str) -> bool:
        """Whether the search leaves room for this UID."""
        return tag not in self.uids or uid in self.uids[tag]


def search_studies(pass_: Pass) -> Response:
    """`GET /studies`: the grant's studies that match."""
    return _answer(pass_, "studies", None, None)


def search_series(pass_: Pass, study: str | None = None) -> Response:
    """`GET /series` and `GET /studies/<study>/series`."""
    return _answer(pass_, "series", study, None)


def search_instances(pass_: Pass, study: str | None = None, series: str | None = None) -> Response:
    """`GET /instances`, `GET /studies/<study>/instances` and the same below one series."""
    return _answer(pass_, "instances", study, series)


def _answer(pass_: Pass, level: str, study: str | None, series: str | None) -> Response:
    media_type = choose(wishes(), (JSON, "application/json"))
    if study is not None:
        inside(pass_, study, series)
    query = read_query()
    wanted = query.offset + query.limit
    found: list[dict[str, Any]] = []
    for path, study_uid in _searches(pass_, query, level, study, series):
        found += _search(pass_, query, path, study_uid, series, most=wanted + 1 - len(found))
        if len(found) > wanted:
            break
    page = found[query.offset : wanted]
    for item in page:
        item[RETRIEVE_URL] = {"vr": "UR", "Value": [pass_.prefix + _path_of(item, level)]}
    response = Response(json.dumps(page), content_type=media_type)
    response.headers["Cache-Control"] = "private, no-cache"
    if len(found) > wanted and query.limit == MOST_RESULTS:
        # PS3.18 8.3.4.4
        response.headers["Warning"] = (
            '299 margin "The number of results exceeded the maximum supported by the server. '
            'Additional results can be requested."'
        )
    return response


def _searches(
    pass_: Pass, query: Query, level: str, study: str | None, series: str | None
) -> Iterator[tuple[str, str | None]]:
    """What to ask Orthanc: one path for each study that grant and search have in common.

    Only a grant over the whole archive without any study named asks for everything at once.
    """
    if not all(query.uids.values()) or not (series is None or query.asks_for(SERIES, series)):
        return
    below = f"/series/{series}/{level}" if series else f"/{level}"
    allowed = frozenset({study}) if study else pass_.scope.study_uids()
    if allowed is None and STUDY not in query.uids:
        yield f"/{level}", None
        return
    named = query.uids.get(STUDY)
    chosen = named if allowed is None else allowed if named is None else allowed & named
    for uid in sorted(chosen or ()):
        if pass_.scope.allows_study(uid):
            yield ("/studies" if level == "studies" else f"/studies/{uid}{below}"), uid


def _search(
    pass_: Pass, query: Query, path: str, study: str | None, series: str | None, *, most: int
) -> list[dict[str, Any]]:
    params = {tag: _askable(value) for tag, value in query.matches.items()}
    for tag in (SERIES, INSTANCE):
        if tag in query.uids:
            params[tag] = ",".join(sorted(query.uids[tag]))  # the plugin's own list separator
    if path == "/studies" and study is not None:
        params[STUDY] = study
    if query.fields:
        params["includefield"] = ",".join(query.fields)
    params["limit"] = str(most)
    try:
        found = pass_.archive.dicomweb_json(path, params)
    except ArchiveFailed as error:
        if error.status_of_archive < 500:
            raise BadRequest("A value in this search cannot be understood.") from error
        raise
    # Nothing else was asked for; this holds even if Orthanc should answer otherwise.
    return [
        item
        for item in found
        if _allowed(pass_, _uid(item, STUDY), study)
        and series in (None, _uid(item, SERIES))
        and all(
            _matches(item.get(tag, {}), value)
            for tag, value in query.matches.items()
            if value != params[tag]
        )
    ]


def _askable(value: str) -> str:
    """The value with a wildcard for each character that Orthanc does not understand in a query.

    What this finds too much is taken out again by `_matches`.
    """
    return re.sub(r"[^\x00-\x7F]+", "*", re.sub(rf"[^\w{re.escape(PLAIN)}.~\-]", "?", value))


def _matches(element: dict[str, Any], value: str) -> bool:
    """Whether an attribute in the DICOM JSON Model matches, with wildcards (PS3.4 C.2.2.2.4)."""
    pattern = re.escape(value).replace(r"\*", ".*").replace(r"\?", ".")
    texts: list[str] = []
    for one in element.get("Value", []):
        texts += map(str, one.values()) if isinstance(one, dict) else [str(one)]
    return any(re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) for text in texts)


def _allowed(pass_: Pass, uid: str, study: str | None) -> bool:
    return study in (None, uid) and pass_.scope.allows_study(uid)


def _uid(item: dict[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _path_of(item: dict[str, Any], level: str) -> str:
    path = f"/studies/{_uid(item, STUDY)}"
    if level != "studies":
        path += f"/series/{_uid(item, SERIES)}"
    if level == "instances":
        path += f"/instances/{_uid(item, INSTANCE)}"
    return path


def read_query() -> Query:
    """The search in this request's query string. Unknown keys are passed over, as PS3.18 8.3.4
    allows.

    Raises BadRequest for numbers that are none, attributes given twice and too many UIDs.
    """
    matches: dict[str, str] = {}
    uids: dict[str, frozenset[str]] = {}
    for key, values in request.args.lists():
        tag = _tag(key)
        if key in _OPTIONS or tag is None:
            continue
        if len(values) > 1 or tag in matches or tag in uids:
            raise BadRequest(f"{keyword_for_tag(tag)} is given twice in this search.")
        value = values[0].strip()
        if not value.strip("*"):
            continue
        if tag in (STUDY, SERIES, INSTANCE):
            uids[tag] = _uid_list(value)
        else:
            matches[tag] = value
    fuzzy = request.args.get("fuzzymatching", "false").lower()
    if fuzzy not in ("true", "false"):
        raise BadRequest("fuzzymatching is either true or false.")
    return Query(
        matches,
        uids,
        fields=_fields(),
        limit=min(_number("limit", MOST_RESULTS), MOST_RESULTS),
        offset=_number("offset", 0),
    )


def _uid_list(value: str) -> frozenset[str]:
    named = re.split(r"[\\,]", value)
    if len(named) > MOST_UIDS:
        raise BadRequest(f"A search names at most {MOST_UIDS} UIDs.")
    return frozenset(uid for uid in named if UID.fullmatch(uid))


def _fields() -> tuple[str, ...]:
    named = [name for value in request.args.getlist("includefield") for name in value.split(",")]
    return tuple(dict.fromkeys(tag for name in named if (tag := _tag(name.strip())) is not None))


def _tag(name: str) -> str | None:
    """The tag of a keyword or tag that the DICOM dictionary knows, else None."""
    if _TAG.fullmatch(name):
        return name.upper() if keyword_for_tag(int(name, 16)) else None
    tag = tag_for_keyword(name)
    return None if tag is None else f"{tag:08X}"


def _number(name: str, default: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadRequest(f"{name} is a whole number, 0 or more.")
    return int(text)
