"""What clients write in Accept, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from server.dicomweb.media.accept import (
    ANYTHING,
    DICOM,
    JSON,
    OCTETS,
    FrameForm,
    choose,
    choose_dicom,
    choose_frames,
    read_accept,
)
from server.foundation.errors import NotAcceptable

JPEG_LS, HTJ2K = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.201"


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        "multipart/related;type=application/octet-stream;transfer-syntax=*;q=1.0",
        'Multipart/Related; Type="Application/Octet-Stream"; Transfer-Syntax=*',
        'multipart/related; type="application/octet-stream; transfer-syntax=*"',
        'image/webp;q=0.5, multipart/related; type="application/octet-stream"; transfer-syntax=*',
        'garbage, multipart/related; type="application/octet-stream"; transfer-syntax=*, ;;,',
    ],
)
def test_octets_in_any_syntax_are_understood_however_they_are_written(header: str) -> None:
    form = choose_frames(read_accept(header), (JPEG_LS,), single=True)
    assert form == FrameForm(OCTETS, JPEG_LS, multipart=True)


@pytest.mark.parametrize(
    "asked", ["", "; transfer-syntax=*", f"; transfer-syntax={EXPLICIT_LITTLE}"]
)
def test_uncompressed_frames_leave_as_explicit_little_endian(asked: str) -> None:
    wishes = read_accept(f'multipart/related; type="{OCTETS}"{asked}')
    assert choose_frames(wishes, (EXPLICIT_LITTLE,), single=False) == FrameForm(
        OCTETS, EXPLICIT_LITTLE, multipart=True
    )


@pytest.mark.parametrize("stored", [EXPLICIT_LITTLE, JPEG_LS])
def test_any_syntax_means_the_prepared_one(stored: str) -> None:
    wishes = read_accept(f'multipart/related; type="{OCTETS}"; transfer-syntax=*')
    form = choose_frames(wishes, (HTJ2K, stored), single=True)
    assert (form.media_type, form.transfer_syntax) == (OCTETS, HTJ2K)


@pytest.mark.parametrize(("stored", "image"), [(EXPLICIT_LITTLE, OCTETS), (JPEG_LS, "image/jls")])
def test_whoever_takes_anything_gets_what_is_stored(stored: str, image: str) -> None:
    form = choose_frames(read_accept("*/*"), (HTJ2K, stored), single=True)
    assert form == FrameForm(image, stored, multipart=True)


@pytest.mark.parametrize(
    ("asked", "media_type", "syntax"),
    [
        ('type="image/jp2"', "image/jp2", "1.2.840.10008.1.2.4.90"),
        ('type="image/jpeg"', "image/jpeg", "1.2.840.10008.1.2.4.70"),
        ('type="image/dicom-rle"', "image/dicom-rle", "1.2.840.10008.1.2.5"),
        ('type="image/jphc"', "image/jphc", HTJ2K),
        (f'type="image/jphc"; transfer-syntax={HTJ2K}', "image/jphc", HTJ2K),
        (f'type="{OCTETS}"; transfer-syntax={HTJ2K}', OCTETS, HTJ2K),
    ],
)
def test_what_is_not_there_is_made_where_it_can_be(
    asked: str, media_type: str, syntax: str
) -> None:
    wishes = read_accept(f"multipart/related; {asked}")
    made = choose_frames(wishes, (JPEG_LS,), single=True, can_make=lambda uid: uid == syntax)
    assert made == FrameForm(media_type, syntax, multipart=True)
    with pytest.raises(NotAcceptable):
        choose_frames(wishes, (JPEG_LS,), single=True)


def test_octets_without_a_syntax_mean_decoded_pixels() -> None:
    wishes = read_accept(f'multipart/related; type="{OCTETS}"')
    form = choose_frames(wishes, (HTJ2K, JPEG_LS), single=True)
    assert form.transfer_syntax == EXPLICIT_LITTLE


def test_the_higher_quality_wins_and_a_zero_is_a_refusal() -> None:
    wishes = read_accept(
        f'multipart/related; type="{OCTETS}"; q=0.4, multipart/related; type="image/jls"; q=0.9'
    )
    assert choose_frames(wishes, (JPEG_LS,), single=True).media_type == "image/jls"
    with pytest.raises(NotAcceptable):
        choose_frames(
            read_accept('multipart/related; type="image/jls"; q=0'), (JPEG_LS,), single=True
        )


@pytest.mark.parametrize(
    ("header", "stored", "media_type"),
    [
        ('multipart/related; type="image/jls"', JPEG_LS, "image/jls"),
        ('multipart/related; type="image/x-jls"', JPEG_LS, "image/jls"),
        ('multipart/related; type="image/*"', JPEG_LS, "image/jls"),
        ('multipart/related; type="image/jphc"; transfer-syntax=*', HTJ2K, "image/jphc"),
        (ANYTHING, HTJ2K, "image/jphc"),
        ("multipart/*", HTJ2K, "image/jphc"),
        ("", HTJ2K, "image/jphc"),
    ],
)
def test_compressed_frames_leave_under_their_own_type(
    header: str, stored: str, media_type: str
) -> None:
    form = choose_frames(read_accept(header), (stored,), single=True)
    assert form == FrameForm(media_type, stored, multipart=True)


@pytest.mark.parametrize(
    "header",
    [
        "application/dicom+json",
        'multipart/related; type="image/jp2"',
        f'multipart/related; type="image/jls"; transfer-syntax={HTJ2K}',
        f'multipart/related; type="{OCTETS}"; transfer-syntax={HTJ2K}',
        "nonsense",
        ";;;",
        "multipart/related; type=image/jls; q=nonsense",
        "x" * 10_000,
    ],
)
def test_nothing_acceptable_is_said_with_what_could_be_had(header: str) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        choose_frames(read_accept(header), (JPEG_LS,), single=True)
    assert "application/octet-stream" in refusal.value.remedy


def test_a_single_frame_may_leave_bare_but_a_list_may_not() -> None:
    wishes = read_accept(f"{OCTETS}; transfer-syntax=*")
    assert not choose_frames(wishes, (JPEG_LS,), single=True).multipart
    with pytest.raises(NotAcceptable):
        choose_frames(wishes, (JPEG_LS,), single=False)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('multipart/related; type="application/dicom"', (True, None)),
        ('multipart/related; type="application/dicom"; transfer-syntax=*', (True, "*")),
        (f"multipart/related; type={DICOM}; transfer-syntax={JPEG_LS}", (True, JPEG_LS)),
        (DICOM, (False, None)),
        (f"{DICOM}; transfer-syntax=*", (False, "*")),
        (ANYTHING, (True, "*")),
        ("", (True, "*")),
    ],
)
def test_files_leave_as_parts_or_alone(header: str, expected: tuple[bool, str | None]) -> None:
    assert choose_dicom(read_accept(header), single=True)[0] == expected


def test_several_files_never_leave_as_one() -> None:
    with pytest.raises(NotAcceptable):
        choose_dicom(read_accept(DICOM), single=False)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/dicom+json", JSON),
        ("application/dicom+json, application/json", JSON),
        ("application/json", "application/json"),
        ('multipart/related; type="application/dicom+xml", application/dicom+json; q=0.1', JSON),
        ("*/*", JSON),
        ("application/*", JSON),
    ],
)
def test_metadata_is_json_for_whoever_takes_json(header: str, expected: str) -> None:
    assert choose(read_accept(header), (JSON, "application/json")) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*/*;q=0.9, application/dicom+json;q=0", "application/json"),
        ("application/*;q=0.9, application/dicom+json;q=0.1", "application/json"),
        ("application/dicom+json;q=0.1, application/json;q=0.2, */*", "application/json"),
        ("application/dicom+json;q=0.1, text/html, */*;q=0", JSON),
    ],
)
def test_a_range_says_nothing_of_a_type_that_is_named_beside_it(header: str, expected: str) -> None:
    assert choose(read_accept(header), (JSON, "application/json")) == expected


def test_whoever_refuses_files_alone_still_gets_them_as_parts() -> None:
    wishes = read_accept(f"{DICOM};q=0, */*")
    assert choose_dicom(wishes, single=True) == ((True, "*"),)
    assert choose_dicom(read_accept(f"*/*, {DICOM};q=0.5"), single=False) == ((True, "*"),)


def test_metadata_is_never_xml() -> None:
    with pytest.raises(NotAcceptable):
        choose(read_accept('multipart/related; type="application/dicom+xml"'), (JSON,))


@given(st.text(max_size=200))
def test_no_header_breaks_the_reader(header: str) -> None:
    assert all(0 < wish.q <= 1 for wish in read_accept(header))
