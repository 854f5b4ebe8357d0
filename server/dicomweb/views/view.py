"""What a caller gets to see of the archive's data: everything as it is, or under pseudonyms.

Addresses come in through `real`, data goes out through `json`, `file` and `shown`. Every view of the
gateway does both, whoever asks, so that nothing leaves on a way that forgot about pseudonyms.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Protocol

from server.dicom.shown_file import Shown
from server.prepared.shelf import PLAIN


class View(Protocol):
    """One way of showing the studies of a case. Safe to share between threads."""

    @property
    def id(self) -> str:
        """`plain`, or 16 hexadecimal digits that all grants with the same pseudonyms share."""
        ...

    @property
    def pseudonymised(self) -> bool: ...

    def real(self, uid: str) -> str | None:
        """The archive's UID for one in an address or a search; None when nothing here has it."""
        ...

    def shown(self, uid: str) -> str:
        """The UID under which this caller knows the archive's `uid`."""
        ...

    def json(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        """A dataset in the DICOM JSON Model as this caller may see it; None when it is withheld."""
        ...

    def file(self, file: BinaryIO) -> Shown | None:
        """A DICOM file (PS3.10) as this caller may see it; None when it is withheld. It is a copy,
        which may be written into and is read while the answer is."""
        ...

    def incoming(self, data: bytes) -> bytes:
        """A DICOM file made on what this caller sees, as the archive must keep it."""
        ...

    def pixels_withheld(self, dataset: dict[str, Any]) -> str:
        """Why the pixels of this dataset may not be shown, in a sentence; "" when they may."""
        ...


class PlainView:
    """Everything as it is."""

    id = PLAIN
    pseudonymised = False

    def real(self, uid: str) -> str | None:
        return uid

    def shown(self, uid: str) -> str:
        return uid

    def json(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        return dataset

    def file(self, file: BinaryIO) -> Shown | None:
        return Shown(b"", file, ((0, file.seek(0, os.SEEK_END)),))

    def incoming(self, data: bytes) -> bytes:
        return data

    def pixels_withheld(self, dataset: dict[str, Any]) -> str:
        return ""


PLAIN_VIEW = PlainView()
