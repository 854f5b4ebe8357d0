"""What can go wrong between us and Orthanc, named."""

from __future__ import annotations

from http import HTTPStatus

from server.foundation.errors import Invalid, NotFound, Unavailable


class ArchiveUnavailable(Unavailable):
    """Orthanc does not answer, answers nonsense, or does not accept our credentials."""


# Orthanc's own error codes (OrthancEnumerations.h): what is no file, and what is one but cannot be opened.
NO_REGULAR_FILE = 2006
INEXISTENT_FILE = 13


class ArchiveFailed(Unavailable):
    """Orthanc answered, and says that it cannot do what was asked: its own 4xx or 5xx.

    `error_of_archive` is Orthanc's own error code where the answer bears it, else 0.
    """

    def __init__(
        self, detail: str, *, status_of_archive: int, error_of_archive: int = 0, remedy: str = ""
    ) -> None:
        super().__init__(detail, remedy=remedy, status_of_archive=status_of_archive)
        self.status_of_archive = status_of_archive
        self.error_of_archive = error_of_archive


class NotInArchive(NotFound):
    """Orthanc has no such patient, study, series, instance, attachment or modality."""


class RefusedByArchive(Invalid):
    """Orthanc does not take what was sent: not a DICOM file, or an incomplete modality."""


def unavailable(what: str) -> ArchiveUnavailable:
    """The error for an Orthanc that cannot be used at all; `what` goes to the log only."""
    return ArchiveUnavailable(
        "The image archive does not answer.",
        remedy="Try again in a moment; if it stays so, the operator should look at Orthanc.",
        cause=what,
    )


def not_in_archive(what: str) -> NotInArchive:
    """The error for a thing the archive does not hold; `what` is its kind, never its identity."""
    return NotInArchive(f"There is no such {what} in the archive.")


def judge(status: int, what: str, error: int = 0) -> None:
    """Raises what an HTTP status of Orthanc means for us; nothing for a success. `error` is Orthanc's own
    code: a file that cannot be opened now is no instance that is not there."""
    if 200 <= status < 300:
        return
    if status == HTTPStatus.NOT_FOUND and error != INEXISTENT_FILE:
        raise not_in_archive(what)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise unavailable(f"Orthanc refuses the service's credentials ({status})")
    raise ArchiveFailed(
        f"The image archive could not give this {what}.",
        status_of_archive=status,
        error_of_archive=error,
    )
