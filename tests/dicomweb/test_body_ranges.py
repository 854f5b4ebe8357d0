"""Which bytes a Range header means, and that they are those of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from server.dicomweb.media.ranges import (
    RangeBeyondEnd,
    Segment,
    Span,
    delivered,
    made,
    of_bytes,
    of_file,
    of_made,
    read_span,
)

app = Flask("tests.ranges")


def body(segments: list[Segment], asked: str) -> bytes:
    with app.test_request_context("/", headers={"Range": asked} if asked else {}):
        response = delivered(segments, content_type="a/b", tag="t", cache="no-store")
        data: bytes = response.get_data()
        assert response.content_length == len(data)
        return data


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-5", Span(2, 6)),
        ("Bytes = 2 - 5", Span(2, 6)),
        ("bytes=5-", Span(5, 10)),
        ("bytes=9-99999", Span(9, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-30", Span(0, 10)),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=0-" + "9" * 40, Span(0, 10)),
        ("bytes=-" + "9" * 40, Span(0, 10)),
        ("bytes=0-" + "9" * 400, None),
    ],
)
def test_a_range_header_is_read_as_rfc_9110_says(header: str, span: Span | None) -> None:
    assert read_span(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=999-"])
def test_a_range_behind_the_end_is_told(header: str) -> None:
    with pytest.raises(RangeBeyondEnd):
        read_span(header, 10)


@given(
    pieces=st.lists(st.binary(max_size=20), min_size=1, max_size=6),
    first=st.integers(0, 60),
    size=st.integers(1, 60),
)
@settings(deadline=None)
def test_any_range_of_any_segments_is_that_of_their_sum(
    pieces: list[bytes], first: int, size: int
) -> None:
    whole = b"".join(pieces)
    segments = [
        of_bytes(piece) if position % 2 else of_made(len(piece), lambda piece=piece: piece)
        for position, piece in enumerate(pieces)
    ]
    assert body(segments, "") == whole
    if first < len(whole):
        assert body(segments, f"bytes={first}-{first + size - 1}") == whole[first : first + size]


def test_segments_outside_the_range_are_never_made(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    def never() -> bytes:
        raise AssertionError

    segments = [of_made(100, never), of_file(path, 2, 6), of_made(5, never)]
    assert body(segments, "bytes=101-104") == b"3456"


def test_what_fails_fails_before_the_first_byte() -> None:
    def broken() -> bytes:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        made(of_made(3, broken))
    with pytest.raises(EOFError):
        made(of_made(3, lambda: b"four"))
    assert list(made(of_made(3, lambda: b"abc")).chunks(1, 3)) == [b"bc"]
