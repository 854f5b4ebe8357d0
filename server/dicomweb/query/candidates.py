"""Which studies a search has to look into: those of the grant, or what Orthanc's index proposes.

A grant over a case names its studies. A grant over the whole archive does not, so Orthanc is asked,
page by page, for what may match; it may propose too much, for every study is looked into afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from server.archive import PLAIN, ArchiveFailed
from server.dicomweb.query.attributes import (
    INSTANCE,
    SERIES,
    STUDY,
    Level,
    level_of,
    tags,
    value_of,
)
from server.dicomweb.query.matching import uid_list
from server.dicomweb.query.parameters import Key, Query
from server.dicomweb.views.scope import UID, Pass
from server.foundation.errors import BadRequest, TooLarge

STUDIES_ASKED_AT_ONCE = 200
MOST_EXAMINED = 2000
MOST_PAGES = 200  # of series or instances, of which a study may have many

# What Orthanc's index can narrow down for us, at most too little.
_INDEXED = frozenset(
    tags(
        "PatientID PatientName PatientBirthDate AccessionNumber StudyDate StudyDescription StudyID"
        " ReferringPhysicianName StudyInstanceUID SeriesInstanceUID SOPInstanceUID Modality"
        " SeriesDescription"
    )
)
_RANGES = ("DA", "UI")
_PATHS = {Level.STUDY: "/studies", Level.SERIES: "/series", Level.INSTANCE: "/instances"}


class SearchTooBroad(TooLarge):
    """More studies would have to be looked into than one request may."""


def studies_of(pass_: Pass, query: Query, study: str | None, *, skip: int = 0) -> Iterator[str]:
    """The archive's UIDs of the studies to look into, each once, always in the same order.

    `study` is the one that the address names. `skip` passes over that many of those which Orthanc
    proposes, where none of them can fail to match. Raises SearchTooBroad.
    """
    allowed = frozenset({study}) if study else pass_.scope.study_uids()
    named = named_in(pass_, query)
    if allowed is None and named is None:
        yield from _proposed(pass_, query, skip)
        return
    chosen = named if allowed is None else allowed if named is None else allowed & named
    for uid in sorted(chosen or ()):
        if pass_.scope.allows_study(uid):
            yield uid


def named_in(pass_: Pass, query: Query) -> frozenset[str] | None:
    """The studies that the search names, by the archive's UIDs; None when it names none."""
    for key in query.keys:
        if key.path == (STUDY,):
            real = (pass_.view.real(uid) for uid in uid_list(key.value) if UID.fullmatch(uid))
            return frozenset(uid for uid in real if uid is not None)
    return None


def _proposed(pass_: Pass, query: Query, skip: int) -> Iterator[str]:
    keys = [key for key in query.keys if not query.fuzzy or key.vr != "PN"]
    params = {key.path[0]: _askable(key) for key in keys if _is_indexed(key)}
    level = max((level_of(tag) for tag in params), default=Level.STUDY)
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        page = _page(pass_, _PATHS[level], params, skip)
        for item in page:
            uid = value_of(item, STUDY)
            if uid in seen:
                continue
            if len(seen) >= MOST_EXAMINED:
                raise _too_broad()
            seen.add(uid)
            if pass_.scope.allows_study(uid):
                yield uid
        if len(page) < STUDIES_ASKED_AT_ONCE:
            return
        skip += len(page)
    raise _too_broad()


def _too_broad() -> SearchTooBroad:
    return SearchTooBroad(
        f"This search would have to look into more than {MOST_EXAMINED} studies.",
        remedy="Narrow it by PatientID, AccessionNumber or StudyDate.",
    )


def _page(pass_: Pass, path: str, params: dict[str, str], skip: int) -> list[dict[str, object]]:
    asked = {**params, "limit": str(STUDIES_ASKED_AT_ONCE), "offset": str(skip)}
    try:
        return pass_.archive.dicomweb_json(path, asked)
    except ArchiveFailed as error:
        if error.status_of_archive < 500:
            raise BadRequest("A value in this search cannot be understood.") from error
        raise


def _is_indexed(key: Key) -> bool:
    """Whether Orthanc narrows by this key without leaving out what we would find."""
    if len(key.path) > 1 or key.path[0] not in _INDEXED or '"' in key.value:
        return False
    if key.vr == "UI":
        return True
    # Lists and the groups of a name mean something else to Orthanc.
    return not set("\\,=") & set(key.value)


def _askable(key: Key) -> str:
    """The value as Orthanc finds no less than we do: a wildcard for each character that it does not
    understand in a query, and around a name, which it compares with all of its groups.
    """
    if key.vr in _RANGES:
        if key.path[0] in (STUDY, SERIES, INSTANCE):
            return ",".join(sorted(filter(UID.fullmatch, uid_list(key.value)))) or "0"
        return re.sub(r"[\s.]", "", key.value)
    # Its index leaves out what is not ASCII, and then blanks at the ends: nothing may stand there.
    plain = re.sub(r"\s*[^\x00-\x7F]+\s*", "*", key.value)
    plain = re.sub(rf"[^\w{re.escape(PLAIN)}.~\-]", "?", plain)
    return f"*{plain}*" if key.vr == "PN" else plain
