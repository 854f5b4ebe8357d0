"""Every address of the gateway below the DICOMweb prefix. What is not here does not exist."""

from __future__ import annotations

from server.access.action import Action
from server.access.door import Route
from server.dicomweb.capabilities import capabilities_of
from server.dicomweb.delivery.bulk_sets import bulk_set, pixeldata
from server.dicomweb.delivery.bulkdata import bulkdata
from server.dicomweb.delivery.frames import frames
from server.dicomweb.delivery.metadata import metadata
from server.dicomweb.delivery.overview import opening, overview
from server.dicomweb.delivery.retrieve import retrieve
from server.dicomweb.pictures.rendered import rendered, thumbnail
from server.dicomweb.query.search import search_instances, search_series, search_studies
from server.dicomweb.storing.store import store

_STUDY = "/studies/<study>"
_SERIES = f"{_STUDY}/series/<series>"
_INSTANCE = f"{_SERIES}/instances/<instance>"
_READ = Action.IMAGES_READ
_WRITE = Action.IMAGES_WRITE

ROUTES: list[Route] = [
    Route("/", capabilities_of(lambda: ROUTES), _READ, methods=("GET", "OPTIONS")),
    # QIDO-RS
    Route("/studies", search_studies, _READ),
    Route("/series", search_series, _READ),
    Route("/instances", search_instances, _READ),
    Route(f"{_STUDY}/series", search_series, _READ),
    Route(f"{_STUDY}/instances", search_instances, _READ),
    Route(f"{_SERIES}/instances", search_instances, _READ),
    # WADO-RS
    Route(_STUDY, retrieve, _READ),
    Route(_SERIES, retrieve, _READ),
    Route(_INSTANCE, retrieve, _READ),
    Route(f"{_STUDY}/metadata", metadata, _READ),
    Route(f"{_SERIES}/metadata", metadata, _READ),
    Route(f"{_INSTANCE}/metadata", metadata, _READ),
    Route(f"{_INSTANCE}/frames/<numbers>", frames, _READ),
    Route(f"{_INSTANCE}/bulk/<path:attribute>", bulkdata, _READ),
    Route(f"{_INSTANCE}/bulkdata/<path:attribute>", bulkdata, _READ),
    Route(f"{_STUDY}/bulkdata", bulk_set, _READ),
    Route(f"{_SERIES}/bulkdata", bulk_set, _READ),
    Route(f"{_INSTANCE}/bulkdata", bulk_set, _READ),
    Route(f"{_STUDY}/pixeldata", pixeldata, _READ),
    Route(f"{_SERIES}/pixeldata", pixeldata, _READ),
    Route(f"{_INSTANCE}/pixeldata", pixeldata, _READ),
    Route(f"{_STUDY}/rendered", rendered, _READ),
    Route(f"{_SERIES}/rendered", rendered, _READ),
    Route(f"{_INSTANCE}/rendered", rendered, _READ),
    Route(f"{_INSTANCE}/frames/<numbers>/rendered", rendered, _READ),
    Route(f"{_STUDY}/thumbnail", thumbnail, _READ),
    Route(f"{_SERIES}/thumbnail", thumbnail, _READ),
    Route(f"{_INSTANCE}/thumbnail", thumbnail, _READ),
    Route(f"{_INSTANCE}/frames/<numbers>/thumbnail", thumbnail, _READ),
    # Of our own, for the viewer at the end of a long line
    Route(f"{_STUDY}/opening", opening, _READ),
    Route(f"{_SERIES}/overview", overview, _READ),
    # STOW-RS
    Route("/studies", store, _WRITE, methods=("POST",)),
    Route(_STUDY, store, _WRITE, methods=("POST",)),
]
