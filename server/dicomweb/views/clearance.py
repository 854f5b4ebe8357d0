"""Which instances of a prepared series a pseudonymised reader may not see the pixels of."""

from __future__ import annotations

import gzip
import json
import threading
from collections import OrderedDict

from server.dicomweb.views.view import View
from server.prepared.shelf import Shelf

SERIES_KEPT = 128
_INSTANCE = "00080018"


class Clearance:
    """Remembers per series what is withheld. Safe to share between threads."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._withheld: OrderedDict[tuple[str, str, str, int], frozenset[str]] = OrderedDict()
        self._lock = threading.Lock()

    def is_given(self, view: View, study: str, series: str, instance: str) -> bool:
        """Whether the pixels of a prepared instance may be shown; False also when it is unknown."""
        manifest = self._shelf.series(study, series)
        if manifest is None or instance not in manifest.by_uid:
            return False
        key = (view.id, study, series, id(manifest))
        with self._lock:
            withheld = self._withheld.get(key)
        if withheld is None:
            withheld = self._find(view, study, series)
            with self._lock:
                self._withheld[key] = withheld
                while len(self._withheld) > SERIES_KEPT:
                    self._withheld.popitem(last=False)
        return instance not in withheld

    def _find(self, view: View, study: str, series: str) -> frozenset[str]:
        try:
            with gzip.open(self._shelf.metadata(study, series)) as file:
                datasets = json.load(file)
        except OSError:
            manifest = self._shelf.series(study, series)
            return frozenset(manifest.by_uid if manifest else ())
        return frozenset(
            str(dataset[_INSTANCE]["Value"][0])
            for dataset in datasets
            if view.json(dataset) is None or view.pixels_withheld(dataset)
        )
