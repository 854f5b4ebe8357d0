"""QIDO-RS: searches, narrowed to the grant and never widened (PS3.18 10.6).

What a caller may see is what is searched: in a pseudonymised view a key is compared with the
pseudonym, never with what stands behind it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator

from flask import Response, request

from server.archive import ArchiveUnavailable
from server.dicomweb.media.accept import JSON, choose
from server.dicomweb.media.answers import CHANGING
from server.dicomweb.query.attributes import RETRIEVE_URL, UNIQUE_KEYS, Dataset, Level, value_of
from server.dicomweb.query.candidates import named_in, studies_of
from server.dicomweb.query.catalogue import PreparedCatalogue
from server.dicomweb.query.finding import Page, Search, search_study
from server.dicomweb.query.matching import MOST_UIDS
from server.dicomweb.query.parameters import MOST_RESULTS, Query, read_query
from server.dicomweb.views.scope import Pass, inside, wishes

__all__ = ["MOST_RESULTS", "MOST_UIDS", "search_instances", "search_series", "search_studies"]

# Whole datasets of instances, and studies of a whole archive, are each much work or much memory.
MOST_WHOLE_INSTANCES = 500
MOST_OF_AN_ARCHIVE = 500
VARY = "Accept, Accept-Encoding, Authorization, Cookie"
_WORTH_PACKING_BYTES = 2048
_RESOURCES = {Level.STUDY: "studies", Level.SERIES: "series", Level.INSTANCE: "instances"}


def search_studies(pass_: Pass) -> Response:
    """`GET /studies`: the grant's studies that match."""
    return _answer(pass_, Level.STUDY, None, None)


def search_series(pass_: Pass, study: str | None = None) -> Response:
    """`GET /series` and `GET /studies/<study>/series`."""
    return _answer(pass_, Level.SERIES, study, None)


def search_instances(pass_: Pass, study: str | None = None, series: str | None = None) -> Response:
    """`GET /instances`, `GET /studies/<study>/instances` and the same below one series."""
    return _answer(pass_, Level.INSTANCE, study, series)


def _answer(pass_: Pass, target: Level, study: str | None, series: str | None) -> Response:
    if study is not None:
        inside(pass_, study, series)
    query = read_query(request.query_string)  # first: it refuses what nobody else should read
    media_type = choose(wishes(), (JSON, "application/json"))
    search = Search.read(query, target, study=study is not None, series=series)
    catalogue = PreparedCatalogue(pass_, is_opening=_is_opening(pass_, query, study))
    page = Page(query.offset, _limit(pass_, query, target))
    whole = _find(pass_, catalogue, query, search, study, page)
    if catalogue.is_incomplete and not page.total:
        raise ArchiveUnavailable(
            "The image archive does not answer.", remedy="Try again in a moment."
        )
    response = _packed([_addressed(pass_, item, target) for item in page.items], media_type)
    for warning in _warnings(page, catalogue, whole=whole):
        response.headers.add("Warning", f"299 {pass_.prefix}: {warning}")
    return response


def _is_opening(pass_: Pass, query: Query, study: str | None) -> bool:
    """Whether the search is about one study: what a viewer asks before it asks for images."""
    return study is not None or len(named_in(pass_, query) or ()) == 1


def _limit(pass_: Pass, query: Query, target: Level) -> int:
    """How many results this answer has at most."""
    most = MOST_RESULTS
    if target is Level.INSTANCE and query.all_fields:
        most = MOST_WHOLE_INSTANCES
    if pass_.scope.study_uids() is None and target is not Level.INSTANCE:
        most = MOST_OF_AN_ARCHIVE
    return most if query.limit is None else min(query.limit, most)


def _find(
    pass_: Pass,
    catalogue: PreparedCatalogue,
    query: Query,
    search: Search,
    study: str | None,
    page: Page,
) -> bool:
    """Fills the page. Whether everything was counted, so that its `total` is all there is.

    In a whole archive the search ends with the page: looking into every study only to count them
    would take minutes.
    """
    unbounded = pass_.scope.study_uids() is None and study is None
    skip = 0
    if unbounded and search.target is Level.STUDY and not query.keys:
        skip = page.total = page.offset
    for uid in studies_of(pass_, query, study, skip=skip):
        search_study(catalogue, uid, search, page)
        if unbounded and page.is_full:
            return False
    return True


def _addressed(pass_: Pass, item: Dataset, target: Level) -> Dataset:
    """The result with the address below which it is retrieved (PS3.18 10.6.3.3)."""
    path = "".join(
        f"/{_RESOURCES[level]}/{value_of(item, UNIQUE_KEYS[level])}"
        for level in Level
        if level <= target
    )
    item[RETRIEVE_URL] = {"vr": "UR", "Value": [pass_.prefix + path]}
    return item


def _warnings(page: Page, catalogue: PreparedCatalogue, *, whole: bool) -> Iterator[str]:
    remaining = page.total - page.offset - len(page.items)
    if remaining > 0:
        # PS3.18 8.3.4.4.1
        many = f"{remaining} " if whole else ""
        yield f"There are {many}additional results that can be requested"
    if catalogue.is_incomplete:
        yield "The image archive does not answer; only what was prepared was searched"


def _packed(items: list[Dataset], media_type: str) -> Response:
    """The answer, compressed where that is taken and worth it. The same results, the same tag."""
    body = json.dumps(items, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    tag = hashlib.sha256(body).hexdigest()[:32]
    packed = len(body) >= _WORTH_PACKING_BYTES and request.accept_encodings["gzip"] > 0
    if packed:
        body, tag = gzip.compress(body, 1, mtime=0), f"{tag}-gzip"
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    else:
        response = Response(body, content_type=media_type)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
    response.set_etag(tag)
    response.headers["Cache-Control"] = CHANGING
    response.headers["Vary"] = VARY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
