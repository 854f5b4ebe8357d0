"""What other members of a panel wrote beside the images, kept from a reader while votes are under way.

What stands below a hidden series is refused where its address is read (`scope.inside`); here the lists in
which it would appear are shortened, wherever they come from: Orthanc, what is known of it, the shelf.
"""

from __future__ import annotations

from typing import Any, cast

from server.archive import Archive, Instance, Series
from server.dicomweb.views.currency import Currency, Holdings
from server.panel.sight import Hidden
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf


class _Shortened:
    """Everything as the original has it, but for what is written below."""

    def __init__(self, original: Any, hidden: Hidden) -> None:
        self._original = original
        self._hidden = hidden

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _Archive(_Shortened):
    def study_series(self, study_id: str) -> tuple[Series, ...]:
        found = self._original.study_series(study_id)
        return tuple(one for one in found if one.SeriesInstanceUID not in self._hidden.series)

    def study_instances(self, study_id: str) -> tuple[Instance, ...]:
        found = self._original.study_instances(study_id)
        return tuple(one for one in found if one.SOPInstanceUID not in self._hidden.instances)


class _Shelf(_Shortened):
    def study(self, StudyInstanceUID: str) -> list[Manifest]:
        found = self._original.study(StudyInstanceUID)
        return [one for one in found if one.SeriesInstanceUID not in self._hidden.series]


class _Holdings(_Shortened):
    @property
    def shelf(self) -> Shelf:
        return cast("Shelf", _Shelf(self._original.shelf, self._hidden))

    def study(self, StudyInstanceUID: str) -> Holdings | None:
        held = self._original.study(StudyInstanceUID)
        if held is None:
            return None
        shown = {uid: one for uid, one in held.series.items() if uid not in self._hidden.series}
        return Holdings(shown)


def shortened_archive(archive: Archive, hidden: Hidden) -> Archive:
    """The archive without what is hidden, in its lists."""
    return cast("Archive", _Archive(archive, hidden)) if hidden.series else archive


def shortened_holdings(currency: Currency, hidden: Hidden) -> Currency:
    """What is known of the archive, and the shelf, without what is hidden."""
    return cast("Currency", _Holdings(currency, hidden)) if hidden.series else currency
