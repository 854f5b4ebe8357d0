"""What the views are handed, and the narrowing that each of them starts with."""

from __future__ import annotations

import re
from typing import Protocol

from flask import request

from server.access.action import Action
from server.archive import Archive
from server.dicomweb.media.accept import Wish, read_accept
from server.dicomweb.views.currency import Currency
from server.dicomweb.views.view import View
from server.foundation.errors import NotFound
from server.panel.sight import Hidden
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf

UID = re.compile(r"[0-9][0-9.]{0,63}")  # PS3.5 9.1: digits and dots, at most 64


class StudyOutsideGrant(NotFound):
    """The study is not one of the grant's. Says the same whether the archive holds it or not."""


class Scope(Protocol):
    """Which studies somebody may see, and what else they may do with them."""

    def allows_study(self, StudyInstanceUID: str) -> bool: ...

    def study_uids(self) -> frozenset[str] | None:
        """The case's studies; None for a grant over the whole archive."""

    def may(self, action: Action) -> bool: ...


class Pass(Protocol):
    """Who was let in, to what, and where they see it.

    `prefix` is how every address of ours begins for this caller: for a browser the path
    `/r/<launch>/dicom-web`, right whatever proxies stand between; for a program, which has no
    origin to complete a path with, the whole `https://.../dicom-web`. (The Host header would not
    do: dicomweb-client sends it without its port.) `actor` names the caller for what is kept beside
    a stored instance. UIDs that a view is called with are the archive's; what it sends out goes
    through `view`.
    """

    @property
    def actor(self) -> str: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def prefix(self) -> str: ...

    @property
    def archive(self) -> Archive: ...

    @property
    def view(self) -> View: ...

    @property
    def shelf(self) -> Shelf: ...

    @property
    def holdings(self) -> Currency: ...

    @property
    def hidden(self) -> Hidden:
        """What others wrote and this caller may not see while a panel votes."""
        ...

    def note_written(self, SOPInstanceUID: str, SeriesInstanceUID: str) -> None:
        """Keep who writes an instance, before it is stored."""
        ...

    def may_go_on_with(self, SeriesInstanceUID: str) -> bool:
        """Whether a series that is there already is the caller's own, or everything is theirs to write."""
        ...

    def current(self, study: str, series: str) -> Manifest | None:
        """The manifest of a series that is prepared as the archive holds it now, else None."""
        ...


def inside(
    pass_: Pass,
    study: str,
    series: str | None = None,
    instance: str | None = None,
) -> str:
    """The path of a resource below the DICOMweb root, once its study is known to be allowed.

    Raises StudyOutsideGrant for a foreign study and for anything that is not a UID, in the same
    words. Whether series and instance belong to the study is for the archive to find out: by
    Orthanc's identifiers, which contain all levels above, or by the plugin, which checks the
    parents.
    """
    uids = [uid for uid in (study, series, instance) if uid is not None]
    if not all(UID.fullmatch(uid) for uid in uids) or not pass_.scope.allows_study(study):
        raise outside()
    if series in pass_.hidden.series or instance in pass_.hidden.instances:
        raise outside()
    levels = ("studies", "series", "instances")
    return "".join(f"/{level}/{uid}" for level, uid in zip(levels, uids, strict=False))


def standing(pass_: Pass, study: str, series: str | None = None) -> str:
    """Part of the entity tags of what is made of stored files: it is another when anything of the series
    (or study) was added, or was deleted and sent again with other pixels under the same UIDs."""
    holdings = pass_.holdings.study(study)
    if holdings is None:  # Orthanc is away: what is prepared is believed, of this very state
        manifest = pass_.shelf.series(study, series) if series is not None else None
        return manifest.last_update if manifest is not None else ""
    several = (
        holdings.series.items() if series is None else [(series, holdings.series.get(series, ()))]
    )
    return " ".join(sorted(one.last_update for _, held in several for one in held))


def outside() -> StudyOutsideGrant:
    """The one answer about everything beyond the grant."""
    return StudyOutsideGrant("There is no such study, series or instance here.")


def wishes() -> tuple[Wish, ...]:
    """What this request's client takes. The `accept` parameter goes before the header (PS3.18
    8.3.3.1); no media type has a space in it, so one stands for a `+` that was not escaped.
    """
    asked = re.sub(r"(?<=[a-z]) (?=(?:json|xml)\b)", "+", request.args.get("accept", ""))
    return read_accept(asked or ", ".join(request.headers.getlist("Accept")))
