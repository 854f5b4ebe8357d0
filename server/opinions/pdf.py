"""An opinion as a PDF (PDF/UA-1, A4 or Letter), by WeasyPrint. Only a process that prints loads this.

Nothing is fetched while rendering: fonts are the system's own, pictures are handed over, and the
fetcher refuses every other address. See docs/decisions/0002-pdf.md.

`python -m server.opinions.pdf` reads HTML from standard input and writes the PDF.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import sys
from typing import Any, Final

from weasyprint import HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from server.foundation.errors import Invalid
from server.opinions.document import Opinion
from server.opinions.page import Pictures, printed_html

_SCHEME: Final = "margin-picture:"
_AVOIDED_BREAKS: Final = re.compile(r"break-(?:inside|after|before): avoid;?")


class RenderingReachedOut(Invalid):
    """The document named something outside itself, so it was not rendered at all."""


class ClosedFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint carries no types
    """Gives the pictures that were handed over; refuses every other address, also `file:` and
    `data:`, and remembers what was asked for.
    """

    def __init__(self, pictures: Pictures | None = None) -> None:
        super().__init__()
        self.refused: list[str] = []
        self._pictures = {picture_address(one): one for one in (pictures or {}).values()}

    def fetch(self, url: str, _headers: Any = None) -> Any:
        """A handed-over picture. Raises a fatal error for any other `url`."""
        if url in self._pictures:
            return URLFetcherResponse(
                url, body=io.BytesIO(self._pictures[url]), headers={"Content-Type": "image/jpeg"}
            )
        self.refused.append(url)
        raise FatalURLFetchingError(f"an opinion may not fetch {url[:200]!r}")

    def __call__(self, url: str) -> Any:
        return self.fetch(url)


def picture_address(picture: bytes) -> str:
    """Under which address a picture lies in a page that is printed: the same for the same picture."""
    return f"{_SCHEME}{hashlib.sha256(picture).hexdigest()}"


def render_pdf(opinion: Opinion, pictures: Pictures | None = None) -> bytes:
    """The opinion as tagged PDF; `pictures` are those of its key images. The same opinion and pictures
    give the same bytes on the same machine.

    Raises `RenderingReachedOut` when anything asks for an outside resource.
    """
    given = pictures or {}
    html = printed_html(
        opinion, lambda one: picture_address(given[one.name]) if one.name in given else ""
    )
    return pdf_of_html(html, given)


def pdf_of_html(html: str, pictures: Pictures | None = None) -> bytes:
    """Self-contained HTML as PDF/UA-1; raises `RenderingReachedOut` when it is not
    self-contained.
    """
    fetcher = ClosedFetcher(pictures)
    pdf = b""
    # Inside an SVG image even a fatal error is swallowed, so the fetcher's own list decides.
    with contextlib.suppress(FatalURLFetchingError):
        try:
            pdf = _written(html, fetcher)
        except AssertionError:
            # WeasyPrint 70 gives up where rules against breaks leave a page empty. An opinion with a
            # heading at the foot of a page is better than none.
            pdf = _written(_AVOIDED_BREAKS.sub("", html), fetcher)
    if fetcher.refused:
        raise RenderingReachedOut(
            "The opinion could not be printed because it refers to something outside itself.",
            remedy="Remove links to pictures or files from the text.",
            refused=fetcher.refused,
        )
    return pdf


def _written(html: str, fetcher: ClosedFetcher) -> bytes:
    document = HTML(string=html, url_fetcher=fetcher)
    pdf: bytes = document.write_pdf(
        pdf_variant="pdf/ua-1",
        pdf_identifier=hashlib.sha256(html.encode()).hexdigest()[:32].encode(),
        font_config=FontConfiguration(),
    )
    return pdf


if __name__ == "__main__":
    sys.stdout.buffer.write(pdf_of_html(sys.stdin.buffer.read().decode()))
