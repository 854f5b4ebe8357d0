"""Multipart bodies as they come: in pieces of any size, and not always whole."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dicomweb.media.multipart import PartReader, closing, part_head
from server.foundation.errors import BadRequest, TooLarge
from tests.dicomweb.samples import multipart


class Drip:
    """A source that gives a few bytes at a time, whatever it is asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


def read(body: bytes, step: int = 65536, most_bytes: int = 10**6) -> list[bytes]:
    return [
        part.file.read() for part in PartReader(Drip(body, step), "edge", most_bytes=most_bytes)
    ]


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 40))
def test_parts_come_out_as_they_went_in_whatever_the_pieces(files: list[bytes], step: int) -> None:
    files = [file for file in files if b"\r\n--edge" not in b"\r\n" + file]
    assert read(multipart(*files)[0], step) == files


@given(st.binary(max_size=300))
def test_what_we_write_we_can_read(content: bytes) -> None:
    body = part_head("edge", "a/b", len(content), first=True) + content
    body += part_head("edge", "a/b", 1, first=False) + b"x" + closing("edge")
    assert read(body) == [content, b"x"]


def test_a_part_knows_its_type_and_size() -> None:
    body, _ = multipart(b"1234", content_type="application/dicom; x=y")
    (part,) = [
        (p.content_type, p.size_bytes) for p in PartReader(io.BytesIO(body), "edge", most_bytes=9)
    ]
    assert part == ("application/dicom; x=y", 4)


def test_a_preamble_before_the_first_boundary_is_passed_over() -> None:
    assert read(b"This is a multipart message.\r\n" + multipart(b"a")[0]) == [b"a"]


@pytest.mark.parametrize("cut", [0, 5, 30, -20, -8, -3])
def test_a_body_that_ends_early_is_refused(cut: int) -> None:
    body, _ = multipart(b"some bytes")
    with pytest.raises(BadRequest):
        read(body[:cut])


@pytest.mark.parametrize(
    "body", [b"--edgewise\r\n\r\nx\r\n--edge--", b"--edge\r\n" + b"x" * 9000, b"no boundary at all"]
)
def test_a_body_that_is_not_what_its_boundary_promises_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read(body)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "ends with space ", "line\nbreak"])
def test_an_unusable_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(BadRequest):
        PartReader(io.BytesIO(b""), boundary, most_bytes=1)


def test_a_part_above_the_limit_is_refused_before_it_was_read() -> None:
    source = io.BytesIO(multipart(b"x" * 10**6)[0])
    with pytest.raises(TooLarge):
        list(PartReader(source, "edge", most_bytes=100_000))
    assert source.tell() < 300_000
