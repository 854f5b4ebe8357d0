"""An opinion as a page of HTML (the preview before signing) and as a PDF (PDF/UA-1, A4).

Both come from one template. Nothing is fetched while rendering: fonts are the system's own,
pictures are inline SVG, and the fetcher refuses every address. See docs/decisions/0002-pdf.md.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from markupsafe import Markup
from weasyprint import HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from server.foundation.errors import Invalid
from server.opinions import figures, wording
from server.opinions.document import PRELIMINARY_NOTE, Opinion

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "opinion.css").read_text(encoding="utf-8")

# The preview holds one inline style sheet and no script; this policy permits exactly that.
PREVIEW_CSP = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)


class RenderingReachedOut(Invalid):
    """The document named something outside itself, so it was not rendered at all."""


class ClosedFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint carries no types
    """Refuses every address, also `file:` and `data:`, and remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def fetch(self, url: str, _headers: Any = None) -> NoReturn:
        """Raise a fatal error for any `url`."""
        self.refused.append(url)
        raise FatalURLFetchingError(f"an opinion may not fetch {url[:200]!r}")

    def __call__(self, url: str) -> NoReturn:
        self.fetch(url)


def _finalise(value: Any) -> Any:
    """Clean every printed string; escaping comes after this and is never switched off."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.printable(value)
    return value


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalise,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ml=wording.ml,
        percent=wording.percent,
        day=wording.day,
        moment=wording.moment,
        denominator=wording.denominator,
    )
    environment.globals.update(
        style=Markup(_STYLE),  # noqa: S704  our own file, not a value
        preliminary_note=PRELIMINARY_NOTE,
        clock_face=figures.clock_face,
        remnant_bar=figures.remnant_bar,
        angle_words=wording.angle_words,
        kind_words=wording.kind_words,
        answer_is_long=wording.answer_is_long,
        against=wording.against,
        age=wording.age,
        trust_mark=wording.trust_mark,
        trust_marks=wording.trust_marks,
        computed=wording.computed,
        tone=wording.tone,
        recommends=wording.recommends,
        sides_known=wording.sides_known,
    )
    return environment


_ENVIRONMENT = _environment()


def render_html(opinion: Opinion) -> str:
    """The opinion as one self-contained HTML page; serve it with `PREVIEW_CSP`."""
    return _ENVIRONMENT.get_template("opinion.html").render(opinion=opinion)


def render_pdf(opinion: Opinion) -> bytes:
    """The opinion as tagged A4 PDF. The same opinion gives the same bytes on the same machine.

    Raises `RenderingReachedOut` when anything asks for an outside resource.
    """
    return pdf_of_html(render_html(opinion))


def pdf_of_html(html: str) -> bytes:
    """Self-contained HTML as PDF/UA-1; raises `RenderingReachedOut` when it is not
    self-contained.
    """
    fetcher = ClosedFetcher()
    pdf = b""
    # Inside an SVG image even a fatal error is swallowed, so the fetcher's own list decides.
    with contextlib.suppress(FatalURLFetchingError):
        document = HTML(string=html, url_fetcher=fetcher)
        pdf = document.write_pdf(
            pdf_variant="pdf/ua-1",
            pdf_identifier=hashlib.sha256(html.encode()).hexdigest()[:32].encode(),
            font_config=FontConfiguration(),
        )
    if fetcher.refused:
        raise RenderingReachedOut(
            "The opinion could not be printed because it refers to something outside itself.",
            remedy="Remove links to pictures or files from the text.",
            refused=fetcher.refused,
        )
    return pdf
