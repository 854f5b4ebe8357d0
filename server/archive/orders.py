"""What Margin orders of Orthanc beside storing: a call to a hospital, a copy under another study, the
end of a study that was refused, and how much it tells in its log."""

from __future__ import annotations

import contextlib
import json
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pyorthanc

from server.archive.errors import NotInArchive, unavailable
from server.archive.wire import Stream, Wire

ECHO_TIMEOUT_S = 10


class Orders:
    """The part of the archive that gives orders. Every order may be given twice."""

    _orthanc: pyorthanc.Orthanc
    _wire: Wire

    @abstractmethod
    def _ask(
        self, call: Callable[[], Any], what: str, *, refusable: bool = False
    ) -> httpx.Response: ...

    @abstractmethod
    def _sent(self, stream: Stream, what: str) -> Stream: ...

    def echo(self, name: str) -> float | None:
        """C-ECHO from Orthanc to the modality of this name; seconds, or None when it fails.

        Raises NotInArchive for a name that is not registered, ArchiveUnavailable when Orthanc is away.
        """
        self._ask(lambda: self._orthanc.get_modalities_id_configuration(name), "modality")
        started = time.monotonic()
        try:
            answer = self._orthanc.post(
                f"{self._orthanc.url}/modalities/{quote(name, safe='')}/echo",
                json={"Timeout": ECHO_TIMEOUT_S},
                timeout=ECHO_TIMEOUT_S * 2,
            )
        except httpx.HTTPError as error:
            raise unavailable(repr(error)) from error
        return time.monotonic() - started if answer.status_code == httpx.codes.OK else None

    def under_study(self, instance_id: str, StudyInstanceUID: str) -> bytes:
        """The DICOM file with another StudyInstanceUID and everything else, pixels and other UIDs, as
        it is; nothing is stored. Raises NotInArchive."""
        order = {
            "Replace": {"StudyInstanceUID": StudyInstanceUID},
            "Keep": ["SeriesInstanceUID", "SOPInstanceUID"],
            "Force": True,
        }
        path = f"/instances/{quote(instance_id, safe='')}/modify"
        headers = {"Content-Type": "application/json"}
        posted = self._wire.post(path, json.dumps(order).encode(), headers)
        with self._sent(posted, "instance") as stream:
            return stream.read()

    def delete_study(self, study_id: str) -> None:
        """Removes a study, by Orthanc identifier; one that is not there is not an error."""
        with contextlib.suppress(NotInArchive):
            self._ask(lambda: self._orthanc.delete_studies_id(study_id), "study")

    def tell_of_associations(self) -> None:
        """Has Orthanc write into its log who opens an association, and how it ends.

        Without it a sender that falls silent or sends garbage leaves no trace. It is forgotten when
        Orthanc ends, so it is ordered again and again.
        """
        url = f"{self._orthanc.url}/tools/log-level-dicom"
        if self._ask(lambda: self._orthanc.get(url), "log level").text.strip() != "verbose":
            self._ask(lambda: self._orthanc.put(url, content=b"verbose"), "log level")
