"""Fetching the files of a series a little ahead of whoever reads them."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from server.archive import Archive, Instance
from server.prepared.writing import ShelfNotWritable

FETCHERS = 2
AHEAD = 3  # files
KEPT_IN_MEMORY_BYTES = 32 * 1024 * 1024


def fetch(archive: Archive, instance: Instance, folder: Path) -> BinaryIO:
    """One file, in memory when it is small, else in a nameless file in `folder`, to be closed.

    Raises NotInArchive, ArchiveFailed, ArchiveUnavailable, ShelfNotWritable.
    """
    with archive.open_file(instance.orthanc_id) as stream:
        if instance.file_size_bytes <= KEPT_IN_MEMORY_BYTES:
            return BytesIO(stream.read())
        try:
            file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by whoever asked
        except OSError as reason:
            raise ShelfNotWritable(reason) from reason
        try:
            for piece in stream.chunks():
                file.write(piece)
            file.seek(0)
        except BaseException as reason:
            file.close()
            if isinstance(reason, OSError):
                raise ShelfNotWritable(reason) from reason
            raise
        return file


def fetched_ahead(
    archive: Archive, instances: Iterable[Instance], folder: Path
) -> Generator[tuple[Instance, Future[BinaryIO]], None, None]:
    """Each instance with its file, fetched or just being fetched. Close the iterator at the end."""
    waiting: deque[tuple[Instance, Future[BinaryIO]]] = deque()
    with ThreadPoolExecutor(FETCHERS, "fetcher") as pool:
        try:
            for instance in instances:
                waiting.append((instance, pool.submit(fetch, archive, instance, folder)))
                if len(waiting) > AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, unread in waiting:
                if not unread.cancel():
                    unread.add_done_callback(_close)


def _close(fetched: Future[BinaryIO]) -> None:
    if fetched.exception() is None:
        fetched.result().close()
