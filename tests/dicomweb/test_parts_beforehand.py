"""Parts that are made before an answer begins: what is kept of them, and what is made again."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator

import pytest

from server.dicomweb.media.beforehand import Beforehand
from server.dicomweb.media.ranges import whole


class Maker:
    """Makes the same bytes each time, and counts how often."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.made = 0

    def __call__(self) -> bytes:
        self.made += 1
        return self.data


def test_parts_are_made_once_while_there_is_room_and_again_when_there_is_none() -> None:
    makers = [Maker(letter * 40) for letter in (b"a", b"b", b"c", b"d")]
    beforehand = Beforehand(kept_bytes=100)
    parts = [beforehand.part(maker) for maker in makers]
    assert [maker.made for maker in makers] == [1, 1, 1, 1]
    assert [part.length for part in parts] == [40] * 4
    for part, maker in reversed([*zip(parts, makers, strict=True)]):
        assert b"".join(part.chunks(3, 7)) == maker.data[3:7]
        assert whole(part) == maker.data
    assert [maker.made for maker in makers] == [1, 1, 3, 3]
    beforehand.close()


@contextlib.contextmanager
def full_disk(at_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_time_and_no_part() -> None:
    makers = [Maker(letter * 800_000) for letter in (b"a", b"b", b"c", b"d")]
    beforehand = Beforehand()
    with full_disk(1_700_000):
        parts = [beforehand.part(maker) for maker in makers]
        assert [whole(part) for part in parts] == [maker.data for maker in makers]
    assert [maker.made for maker in makers] == [2, 2, 2, 2]
    beforehand.close()


def test_what_cannot_be_made_is_told_before_anything_leaves() -> None:
    def broken() -> bytes:
        raise ValueError("broken")

    beforehand = Beforehand()
    beforehand.part(Maker(b"good"))
    with pytest.raises(ValueError, match="broken"):
        beforehand.part(broken)
    beforehand.close()
