"""What this gateway can do, for machines (PS3.18 8.9 and Annex H): a WADL document.

The tree of resources and methods is made from the route table itself; only what a method takes and
gives is described here, per transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from flask import Response, json

from server.access.door import Route
from server.dicomweb.media.accept import DICOM, IMAGE_TYPES, JSON, MULTIPART, OCTETS, choose
from server.dicomweb.media.ranges import strong_tag, unchanged
from server.dicomweb.views.scope import Pass, wishes

WADL = "application/vnd.sun.wadl+xml"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"
_CACHE = "private, no-cache"


def _multipart(*kinds: str) -> tuple[str, ...]:
    return tuple(f'{MULTIPART}; type="{kind}"' for kind in kinds)


_PICTURES = ("image/jpeg", "image/png", "image/gif")
_DRAWING = ("window", "viewport", "quality", "annotation", "iccprofile")
_SEARCH = ("{attributeID}", "limit", "offset", "includefield", "fuzzymatching")
_FRAME_TYPES = (OCTETS, *dict.fromkeys(IMAGE_TYPES.values()))


@dataclass(frozen=True)
class Transaction:
    """One transaction: what it takes (`payload`), what it gives (`media`), and its parameters."""

    name: str
    media: tuple[str, ...]
    statuses: tuple[int, ...]
    parameters: tuple[str, ...] = ()
    payload: tuple[str, ...] = ()


_READ_STATUSES = (200, 206, 304, 400, 404, 406, 416, 503)
TRANSACTIONS: dict[str, Transaction] = {
    "capabilities": Transaction("RetrieveCapabilities", (WADL, "application/json"), (200, 406)),
    "search_studies": Transaction("SearchForStudies", (JSON,), (200, 400, 406, 503), _SEARCH),
    "search_series": Transaction("SearchForSeries", (JSON,), (200, 400, 404, 406, 503), _SEARCH),
    "search_instances": Transaction(
        "SearchForInstances", (JSON,), (200, 400, 404, 406, 503), _SEARCH
    ),
    "retrieve": Transaction("RetrieveInstances", (*_multipart(DICOM), DICOM), _READ_STATUSES),
    "metadata": Transaction("RetrieveMetadata", (JSON,), (200, 304, 404, 406, 503)),
    "frames": Transaction(
        "RetrieveFrames", (*_multipart(*_FRAME_TYPES), *_FRAME_TYPES), _READ_STATUSES
    ),
    "bulkdata": Transaction(
        "RetrieveBulkdata",
        (OCTETS, *_multipart(OCTETS), "application/pdf"),
        (*_READ_STATUSES, 403),
    ),
    "bulk_set": Transaction("RetrieveBulkdataSet", _multipart(OCTETS), (200, 304, 404, 406, 503)),
    "pixeldata": Transaction("RetrievePixelData", _multipart(OCTETS), (200, 304, 404, 406, 503)),
    "rendered": Transaction(
        "RetrieveRendered",
        (*_PICTURES, *_multipart(*_PICTURES), "application/pdf"),
        _READ_STATUSES,
        _DRAWING,
    ),
    "thumbnail": Transaction("RetrieveThumbnail", _PICTURES, _READ_STATUSES, _DRAWING),
    "opening": Transaction("RetrieveOpening", ("application/json",), (200, 404)),
    "overview": Transaction("RetrieveOverview", (OCTETS,), (200, 204, 304, 404, 422)),
    "store": Transaction(
        "StoreInstances",
        (JSON,),
        (200, 202, 400, 403, 404, 406, 409, 413, 415, 503),
        payload=(*_multipart(DICOM, JSON), DICOM),
    ),
}


@dataclass
class Resource:
    """A step of an address, with what can be done there and what lies below."""

    path: str
    methods: list[tuple[str, str]] = field(default_factory=list)
    below: dict[str, Resource] = field(default_factory=dict)


def capabilities_of(routes: Callable[[], Iterable[Route]]) -> Callable[..., Response]:
    """The view of the base URI that describes these routes."""

    def capabilities(pass_: Pass) -> Response:
        """`OPTIONS /` and `GET /`: the Capabilities Description, as XML or JSON."""
        media_type = choose(wishes(), (WADL, "application/json", "application/xml", "text/xml"))
        tree = tree_of(routes())
        base = f"{pass_.prefix}/"
        body = as_json(tree, base) if media_type == "application/json" else as_xml(tree, base)
        tag = strong_tag(body)
        known = unchanged(tag, _CACHE)
        if known is not None:
            return known
        response = Response(body, content_type=media_type)
        response.headers["Cache-Control"] = _CACHE
        response.headers["Vary"] = "Accept, Authorization, Cookie"
        response.headers["Allow"] = "GET, HEAD, OPTIONS"
        response.set_etag(tag)
        return response

    return capabilities


def tree_of(routes: Iterable[Route]) -> Resource:
    """The routes as a tree. Pure."""
    root = Resource("")
    for route in routes:
        at = root
        for step in _steps(route.url):
            at = at.below.setdefault(step, Resource(step))
        at.methods += [(method, route.view.__name__) for method in route.methods]
    return root


def _steps(url: str) -> list[str]:
    url = re.sub(r"<(?:path:)?(\w+)>", r"{\1}", url)
    return [step for step in url.split("/") if step]


def _transaction(view: str) -> Transaction:
    return TRANSACTIONS.get(view, Transaction(view, (), (200,)))


def _statuses(transaction: Transaction) -> str:
    return " ".join(map(str, sorted(transaction.statuses)))


def _parameters(transaction: Transaction) -> list[dict[str, Any]]:
    accept = {"name": "Accept", "style": "header", "option": list(transaction.media)}
    query = [{"name": name, "style": "query"} for name in (*transaction.parameters, "accept")]
    return [accept, *query]


def as_xml(root: Resource, base: str) -> bytes:
    """The Capabilities Description as WADL."""
    application = ElementTree.Element("application", {"xmlns": _NAMESPACE})
    resources = ElementTree.SubElement(application, "resources", {"base": base})
    if root.methods:
        # WADL knows no method beside the resources: the base itself is one of them.
        _methods_into(ElementTree.SubElement(resources, "resource", {"path": ""}), root)
    _below_into(resources, root)
    ElementTree.indent(application)
    document: bytes = ElementTree.tostring(application, encoding="utf-8", xml_declaration=True)
    return document


def _below_into(element: ElementTree.Element, resource: Resource) -> None:
    for one in resource.below.values():
        child = ElementTree.SubElement(element, "resource", {"path": one.path})
        if one.path.startswith("{"):
            ElementTree.SubElement(child, "param", {"name": one.path[1:-1], "style": "template"})
        _methods_into(child, one)
        _below_into(child, one)


def _methods_into(element: ElementTree.Element, resource: Resource) -> None:
    for method, view in resource.methods:
        one = _transaction(view)
        described = ElementTree.SubElement(element, "method", {"name": method, "id": one.name})
        request = ElementTree.SubElement(described, "request")
        for parameter in _parameters(one):
            options = parameter.pop("option", [])
            param = ElementTree.SubElement(request, "param", parameter)
            for value in options:
                ElementTree.SubElement(param, "option", {"value": value})
        for kind in one.payload:
            ElementTree.SubElement(request, "representation", {"mediaType": kind})
        response = ElementTree.SubElement(described, "response", {"status": _statuses(one)})
        for kind in one.media:
            ElementTree.SubElement(response, "representation", {"mediaType": kind})


def as_json(root: Resource, base: str) -> bytes:
    """The same description as JSON: elements as keys, attributes beside them."""
    resources = {"base": base, "resource": _json_below(root)}
    if root.methods:
        resources["method"] = _json_methods(root)
    text: str = json.dumps({"application": {"resources": resources}})
    return text.encode()


def _json_below(resource: Resource) -> list[dict[str, Any]]:
    return [
        {"path": one.path, "method": _json_methods(one), "resource": _json_below(one)}
        for one in resource.below.values()
    ]


def _json_methods(resource: Resource) -> list[dict[str, Any]]:
    found = []
    for method, view in resource.methods:
        one = _transaction(view)
        request = {"param": _parameters(one), "representation": _kinds(one.payload)}
        response = {"status": _statuses(one), "representation": _kinds(one.media)}
        found.append({"name": method, "id": one.name, "request": request, "response": response})
    return found


def _kinds(media: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"mediaType": kind} for kind in media]
