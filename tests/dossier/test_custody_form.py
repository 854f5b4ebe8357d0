"""The printed form that travels with slides and blocks."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader

from server.dossier.custody_form import custody_form
from server.dossier.queries import SpecimenSeen, specimens_of
from server.dossier.specimens import Moved, list_specimen, note_custody
from server.opinions.pdf import pdf_of_html
from server.web import languages
from tests.world import World

BY = "coordinator Clara"


@pytest.fixture
def seen(sqlite_world: World, now: datetime) -> list[SpecimenSeen]:
    with sqlite_world.db.writing() as session:
        case = session.merge(sqlite_world.inside)
        slides = list_specimen(
            session,
            case,
            pathology_number="H26-04711",
            label="A1 <b>to</b> A4",
            kind="he_slide",
            count="4",
            site="liver",
            due_back_on="2026-12-19",
            by=BY,
            now=now,
        )
        at = (now - timedelta(days=1)).isoformat()
        moved = Moved("in_transit", at, courier="MedExpress", tracking="MX 4471")
        note_custody(session, case, slides.id, moved, by=BY, now=now)
        return specimens_of(session, case, now.date())


@pytest.mark.parametrize(("sheet", "size_mm"), [("a4", (210, 297)), ("letter", (215.9, 279.4))])
def test_the_form_is_one_printable_page_of_the_sheet_asked_for(
    seen: list[SpecimenSeen], now: datetime, sheet: str, size_mm: tuple[float, float]
) -> None:
    html = custody_form(
        case_number="M-2026-00001", sender="Riverside", seen=seen, sheet=sheet, printed_at=now
    )
    reader = PdfReader(io.BytesIO(pdf_of_html(html)))
    assert len(reader.pages) == 1
    box = reader.pages[0].mediabox
    assert [float(side) * 25.4 / 72 for side in (box.width, box.height)] == pytest.approx(
        size_mm, abs=0.1
    )
    text = reader.pages[0].extract_text()
    for said in ("M-2026-00001", "H26-04711", "MX 4471", "2026-12-19", "A1 <b>to</b>"):
        assert said in text
    assert text.count("Pieces in all") == 1, "English stands there once"


@pytest.mark.parametrize(
    ("language", "said", "font"),
    [
        ("zh", "病理材料交接记录", "CJK|Han|WenQuanYi|Droid-Sans-Fallback"),
        ("hi", "सामग्री", "Devanagari"),
        ("es", "Cadena de custodia", "Noto-Sans"),
        ("de", "Übergabeprotokoll", "Noto-Sans"),
    ],
)
def test_the_form_speaks_the_senders_language_and_english_on_one_page(
    seen: list[SpecimenSeen], now: datetime, language: str, said: str, font: str
) -> None:
    with Flask(__name__).test_request_context():
        languages.speak_in(language)
        html = custody_form(
            case_number="M-2026-00001",
            sender="Riverside",
            seen=seen,
            sheet="a4",
            printed_at=now,
            language=languages.spoken(),
            say=languages.say,
        )
    assert f'<html lang="{language}">' in html
    (page,) = PdfReader(io.BytesIO(pdf_of_html(html))).pages
    text = " ".join(page.extract_text().split())
    for words in (said, "Chain of custody for pathology material", "Slide, H&E", "MX 4471"):
        assert words in text
    resources: Any = page["/Resources"]
    fonts = [one.get_object() for one in resources["/Font"].values()]
    assert any(re.search(font, one["/BaseFont"]) for one in fonts)
    assert all("/FontFile" in str(one["/DescendantFonts"][0]["/FontDescriptor"]) for one in fonts)
