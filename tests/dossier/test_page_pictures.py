"""Pages of documents drawn as pictures, by a process that may die of what it reads."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from server.dossier.page_pictures import DocumentNotShown, PageNotFound, draw_page
from server.opinions.pdf import pdf_of_html


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    html = (
        "<html lang=en><head><title>Letter</title></head><body><p>First page</p>"
        "<p>Second</p></body></html>"
    )
    return written(tmp_path / "letter", pdf_of_html(html))


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_page_of_a_pdf_becomes_a_picture_of_the_width_asked_for(letter: Path) -> None:
    drawn = draw_page(letter, 1, 700)
    assert drawn.pages == 1
    assert abs(drawn.width_px - 700) <= 1
    assert drawn.height_px == pytest.approx(700 * 297 / 210, rel=0.01)  # A4
    picture = opened(drawn.content)
    assert picture.size == (drawn.width_px, drawn.height_px)
    assert picture.convert("L").getextrema()[0] < 128  # there is ink on it


def test_a_turned_page_lies_on_its_side(letter: Path) -> None:
    upright, turned = draw_page(letter, 1, 700), draw_page(letter, 1, 700, 90)
    assert (turned.width_px, turned.height_px) == (upright.height_px, upright.width_px)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_scan_is_drawn_and_never_enlarged(tmp_path: Path, kind: str) -> None:
    body = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(body, kind)
    drawn = draw_page(written(tmp_path / "scan", body.getvalue()), 1, 1400)
    assert (drawn.width_px, drawn.height_px, drawn.pages) == (300, 200, 1)


def test_every_page_of_a_tiff_can_be_read(tmp_path: Path) -> None:
    body = io.BytesIO()
    pages = [Image.new("L", (50, 60), shade) for shade in (255, 128, 0)]
    pages[0].save(body, "TIFF", save_all=True, append_images=pages[1:])
    path = written(tmp_path / "fax", body.getvalue())
    third = draw_page(path, 3, 700)
    assert third.pages == 3
    assert opened(third.content).convert("L").getpixel((5, 5)) == 0


def test_a_page_that_is_not_there_is_not_found(letter: Path) -> None:
    for page in (0, 2, 99999):
        with pytest.raises(PageNotFound):
            draw_page(letter, page, 700)


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 and then nothing of the kind",
        b"<html><script>alert(1)</script></html>",
        b"solid stl\nendsolid\n",
        b"",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 40,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    ],
    ids=["broken pdf", "html", "model", "empty", "broken png", "postscript"],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DocumentNotShown) as refused:
        draw_page(written(tmp_path / "file", content), 1, 700)
    assert "Save it" in refused.value.remedy


def test_a_picture_that_claims_to_be_enormous_is_refused_and_not_unpacked(tmp_path: Path) -> None:
    body = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(body, "PNG")
    with pytest.raises(DocumentNotShown):
        draw_page(written(tmp_path / "bomb", body.getvalue()), 1, 700)


def test_a_page_of_absurd_shape_is_drawn_within_bounds(tmp_path: Path) -> None:
    html = (
        "<html lang=en><head><title>Strip</title><style>@page { size: 20mm 4000mm; margin: 1mm }"
        "</style></head><body><p>x</p></body></html>"
    )
    drawn = draw_page(written(tmp_path / "strip", pdf_of_html(html)), 1, 2800)
    assert max(drawn.width_px, drawn.height_px) <= 5001
