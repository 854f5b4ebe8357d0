"""Which series in the archive is meant."""

from __future__ import annotations

import contextlib

from server.archive import Archive, NotInArchive
from server.foundation.errors import MarginError, Unavailable


class SeriesGone(MarginError):
    """The archive holds this series no more."""


class SeriesChanging(Unavailable):
    """The archive's answers about a series do not fit each other: it is just being added to."""


def find_series(archive: Archive, StudyInstanceUID: str, SeriesInstanceUID: str) -> str:
    """The archive's identifier of a series. Raises SeriesGone, also when there are several."""
    found = []
    for study in archive.candidates(StudyInstanceUID):
        with contextlib.suppress(NotInArchive):
            found += [
                one.orthanc_id
                for one in archive.study_series(study)
                if one.SeriesInstanceUID == SeriesInstanceUID
            ]
    if len(found) != 1:
        raise SeriesGone("The archive holds no one series of this UID.")
    return found[0]
