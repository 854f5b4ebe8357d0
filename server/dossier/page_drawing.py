"""Draws one page of a document as a picture, in a process of its own that may die of what it reads.

    python -m server.dossier.page_drawing FILE PAGE WIDTH_PX TURN_DEG

A PDF is drawn by PDFium (built without JavaScript), a scan or photograph by Pillow. The first line of
the output is JSON: `pages`, `width_px`, `height_px`, `media_type`; the picture follows. A file that
cannot be read ends with exit code 3 and a sentence on the error stream.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Final, NoReturn

import pypdfium2  # type: ignore[import-untyped]  # it carries no types
from PIL import Image, ImageChops, ImageOps

PDF_MAGIC: Final = b"%PDF-"
PICTURES: Final = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
LARGEST_SIDE_PX: Final = 5000
LARGEST_SCAN_PX: Final = 120_000_000  # an A3 page at 600 dpi has 70 million
LARGEST_PNG_BYTES: Final = 400_000
LARGEST_PNG_PX: Final = 4_000_000
JPEG_QUALITY: Final = 82
MOST_MEMORY_BYTES: Final = 2 * 1024**3
MOST_CPU_S: Final = 20
CANNOT_READ: Final = 3


def main() -> None:
    path, page, width_px, turn_deg = sys.argv[1], *(int(text) for text in sys.argv[2:5])
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    Image.MAX_IMAGE_PIXELS = LARGEST_SCAN_PX
    try:
        with open(path, "rb") as file:
            is_pdf = file.read(len(PDF_MAGIC)) == PDF_MAGIC
        picture, pages = (_of_pdf if is_pdf else _of_scan)(path, page, width_px)
    except pypdfium2.PdfiumError as error:
        _give_up(f"The PDF cannot be opened: {error}")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        _give_up(f"The picture cannot be opened: {error}")
    except (IndexError, EOFError):
        _give_up("There is no such page.")
    if turn_deg % 360:
        picture = picture.rotate(-turn_deg, expand=True)
    _write(picture, pages)


def _of_pdf(path: str, page: int, width_px: int) -> tuple[Image.Image, int]:
    document = pypdfium2.PdfDocument(path)
    if not 1 <= page <= len(document):
        raise IndexError
    sheet = document[page - 1]
    width, height = sheet.get_size()
    scale = _scale(width, height, width_px)
    return sheet.render(scale=scale, may_draw_forms=False).to_pil(), len(document)


def _of_scan(path: str, page: int, width_px: int) -> tuple[Image.Image, int]:
    scan = Image.open(path, formats=PICTURES)
    pages = int(getattr(scan, "n_frames", 1))
    if not 1 <= page <= pages:
        raise IndexError
    scan.seek(page - 1)
    upright = ImageOps.exif_transpose(scan).convert("RGB")
    scale = min(1.0, _scale(upright.width, upright.height, width_px))
    size = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
    return upright.resize(size, Image.Resampling.LANCZOS), pages


def _scale(width: float, height: float, width_px: int) -> float:
    """How much a page is enlarged to be so wide, without any side becoming larger than allowed."""
    if width <= 0 or height <= 0:
        raise ValueError("the page has no size")
    return min(width_px / width, LARGEST_SIDE_PX / width, LARGEST_SIDE_PX / height)


def _write(picture: Image.Image, pages: int) -> None:
    picture = _without_needless_colour(picture.convert("RGB"))
    body, media_type = io.BytesIO(), "image/png"
    if picture.width * picture.height <= LARGEST_PNG_PX:
        picture.save(body, "PNG")
    if not 0 < body.tell() <= LARGEST_PNG_BYTES:
        body, media_type = io.BytesIO(), "image/jpeg"
        picture.save(body, "JPEG", quality=JPEG_QUALITY)
    head = {
        "pages": pages,
        "width_px": picture.width,
        "height_px": picture.height,
        "media_type": media_type,
    }
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body.getvalue())


def _without_needless_colour(picture: Image.Image) -> Image.Image:
    """Black on white as most letters are: a third of the bytes."""
    red, green, blue = picture.split()
    differ = (ImageChops.difference(red, one).getextrema() for one in (green, blue))
    return red if all(extremes == (0, 0) for extremes in differ) else picture


def _give_up(why: str) -> NoReturn:
    sys.stderr.write(why)
    sys.exit(CANNOT_READ)


if __name__ == "__main__":
    main()
