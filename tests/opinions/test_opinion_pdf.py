"""The opinion as a PDF and as a page: what it says, what it refuses, and that it repeats itself."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pypdf import PdfReader

from server.opinions.document import LIMITATION, Opinion
from server.opinions.page import PREVIEW_CSP, render_html
from server.opinions.pdf import RenderingReachedOut, pdf_of_html, render_pdf
from tests.opinions import samples

ROOT = Path(__file__).parents[2]


@cache
def pdf(opinion: Opinion) -> bytes:
    return render_pdf(opinion)


def pages(opinion: Opinion) -> list[str]:
    reader = PdfReader(io.BytesIO(pdf(opinion)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text(opinion: Opinion) -> str:
    return " ".join(pages(opinion))


def test_the_first_page_answers_the_question_before_it_gives_the_verdict() -> None:
    first = pages(samples.PANCREAS)[0]
    order = ["Is resection of this tumour", "Yes, after chemotherapy", "Conversion therapy, then"]
    assert [first.find(words) for words in order] == sorted(first.find(words) for words in order)
    assert min(first.find(words) for words in order) > 0


def test_a_very_long_answer_does_not_push_the_verdict_off_the_first_page() -> None:
    first = pages(samples.LONG)[0]
    assert "Verdict of the reviewing surgeon Conversion therapy, then reassess" in first
    assert "Paragraph 15." in text(samples.LONG)


def test_the_verdict_and_each_computed_category_are_labelled_apart() -> None:
    first = pages(samples.PANCREAS)[0]
    assert "Verdict of the reviewing surgeon Conversion therapy, then reassess" in first
    assert "Computed by published criteria Not decided: Borderline resectable to locally" in first
    assert "Borderline resectable (BR-AB) IAP 2017 Locally advanced JPS 7th edition" in first
    assert "Verdict of the referring team Unresectable" in first
    assert "Why the verdict differs from the computed category The criteria call this" in first


def test_an_undecided_computation_is_printed_as_an_interval() -> None:
    said = "NCCN (v1.2022) Not decided: Borderline resectable to locally advanced"
    assert said in text(samples.PANCREAS)
    assert "Missing The coeliac axis was not assessed." in text(samples.PANCREAS)


def test_a_vessel_not_assessed_is_never_printed_as_no_contact() -> None:
    printed = text(samples.PANCREAS)
    assert "Inferior vena cava not assessed" in printed
    assert "Variant artery not visible on these images" in printed
    assert "Common hepatic artery no contact" in printed
    unknown = replace(
        samples.PANCREAS,
        vessels=tuple(v for v in samples.PANCREAS.vessels if v.state == "not_assessed"),
    )
    table = text(unknown).split("Contact with vessels")[1].split("Published criteria")[0]
    assert "0°" not in table
    assert table.count("not assessed") == 1 + len(unknown.vessels)  # the legend says it once
    assert table.count("no contact") == 1  # in the legend's warning only


def test_every_fired_rule_stands_with_its_source_and_its_trust() -> None:
    printed = text(samples.PANCREAS)
    assert "N-BR-1 Contact with the SMA of 180° or less. S1, S3 sourced" in printed
    assert "J-LA-1 Vein beyond the duodenum. general knowledge not verified" in printed
    assert "not verified general knowledge, not found in a source" in printed
    assert "nccn-2022 version 1.0" in printed


def test_the_remnant_is_printed_with_denominator_band_and_thresholds() -> None:
    printed = text(samples.LIVER)
    assert "28 % of the measured liver without tumour; with ± 10 % of the value" in printed
    assert "25.2 % to 30.8 %" in printed
    assert "1650 mL 420 mL 150 mL" in printed
    assert "chemotherapy (Shindoh): at least 30 % of formula sTLV (Kishi 2009)" in printed
    assert "Not measured: The segmentation has 512 x 512 x 80 voxels" in printed


def test_the_imaging_set_is_printed_with_dates_and_ages() -> None:
    printed = text(samples.PANCREAS)
    assert "2026-11-09 12 days before the opinion CT CT abdomen, pancreas protocol" in printed
    assert "4 1812" in printed
    assert samples.PANCREAS_CT.StudyInstanceUID in printed.replace(" ", "")


def test_limits_the_limitation_and_the_signature_close_the_opinion() -> None:
    printed = text(samples.PANCREAS)
    assert "hidden by an artefact of the biliary stent" in printed
    assert LIMITATION in printed
    assert "Prof. A. Lindqvist Hepatopancreatobiliary surgery, Seahaven" in printed
    assert "Signed electronically on 2026-11-21 08:30 UTC" in printed
    assert f"Signed revision 3, SHA-256 {samples.SHA256}" in printed


def test_a_remote_opinion_says_that_it_is_preliminary() -> None:
    assert "Preliminary" in pages(samples.PANCREAS)[0]
    assert "preliminary until the patient has been assessed in person" in text(samples.PANCREAS)
    assert "preliminary" not in text(replace(samples.PANCREAS, status="final")).lower()


def test_a_draft_says_so_and_bears_no_signature() -> None:
    printed = text(samples.DRAFT)
    assert "Draft, not signed." in printed
    assert "Signed electronically" not in printed
    assert "SHA-256" not in printed


def test_a_patients_name_is_printed_only_where_it_was_given() -> None:
    assert "Patient M. Example" in text(samples.LIVER)
    assert "Patient " not in pages(samples.PANCREAS)[0]


def test_every_page_is_numbered_and_every_page_but_the_first_has_the_case_in_its_head() -> None:
    printed = pages(samples.PANCREAS)
    assert len(printed) == 4
    for number, page in enumerate(printed, start=1):
        assert f"Page {number} of {len(printed)}" in page
        assert f"revision {samples.SHA256[:12]}" in page
        assert "C-2026-0117" in page


def test_the_pdf_is_tagged_a4_and_names_nobody_in_its_metadata() -> None:
    reader = PdfReader(io.BytesIO(pdf(samples.LIVER)))
    root: Any = reader.root_object
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]
    metadata = {key: str(value) for key, value in (reader.metadata or {}).items()}
    assert metadata["/Title"] == "Resectability opinion M-2026-0043"
    assert metadata["/CreationDate"].startswith("D:20261121083015")
    assert "Example" not in str(metadata)
    assert "Okafor" not in str(metadata)


def test_the_pictures_have_words_for_those_who_cannot_see_them() -> None:
    alternatives = {
        str(node["/Alt"]).replace("\xa0", " ")
        for node in objects(samples.PANCREAS)
        if node.get("/S") == "/Figure"
    }
    assert "Superior mesenteric artery: 120° of 360°" in alternatives
    assert "Coeliac axis: not assessed" in alternatives


def objects(opinion: Opinion) -> list[dict[str, Any]]:
    reader = PdfReader(io.BytesIO(pdf(opinion)))
    size: Any = reader.trailer["/Size"]
    every: list[Any] = [reader.get_object(number) for number in range(1, size)]
    return [node for node in every if isinstance(node, dict)]


def test_hostile_text_is_printed_literally() -> None:
    printed = text(samples.HOSTILE)
    for words in (
        "<script>alert(1)</script>",
        "<img src=http://127.0.0.1:9/x.png>",
        "{{ 7*7 }} {% raw %} &lt;",
        "<b>bold</b>",
        "before\ufffd\ufffd\ufffd\ufffdafter",
    ):
        assert words in printed


def test_a_pdf_made_of_hostile_text_has_no_links_scripts_or_files() -> None:
    nodes = objects(samples.HOSTILE)
    assert any("/MarkInfo" in node for node in nodes)
    for node in nodes:
        assert not {"/JS", "/JavaScript", "/URI", "/EmbeddedFiles", "/OpenAction"} & set(node)


class Elements(HTMLParser):
    """Collects the names of elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_hostile_text_adds_no_element_to_the_page() -> None:
    hostile, plain = Elements(render_html(samples.HOSTILE)), Elements(render_html(samples.PANCREAS))
    assert hostile.tags <= plain.tags
    assert not {"script", "img", "iframe", "link", "a", "form", "object"} & hostile.tags
    assert not {"style", "src", "href", "onload", "onerror"} & hostile.attributes


def test_the_previews_policy_permits_its_own_style_sheet_and_nothing_else() -> None:
    style = render_html(samples.DRAFT).split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in PREVIEW_CSP
    assert "default-src 'none'" in PREVIEW_CSP
    assert "script-src" not in PREVIEW_CSP


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """What somebody asked a listening server for; the first item is the server's address."""
    paths: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever)
    thread.start()
    paths.append(f"http://127.0.0.1:{server.server_address[1]}")
    yield paths
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "reference",
    [
        '<img src="{url}/x.png">',
        '<link rel="stylesheet" href="{url}/x.css">',
        '<p style="background: url({url}/x.png)">x</p>',
        "<style>@import url({url}/x.css);</style>",
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}/x.png"/></svg>',
        '<img src="file:///etc/passwd">',
        '<img src="data:image/png;base64,iVBORw0KGgo=">',
        '<object data="{url}/x"></object>',
    ],
)
def test_nothing_is_fetched_even_when_markup_gets_through(reference: str, asked: list[str]) -> None:
    page = "<title>t</title>" + reference.replace("{url}", asked[0])
    with pytest.raises(RenderingReachedOut):
        pdf_of_html(page)
    assert asked[1:] == []


def test_an_address_in_free_text_is_printed_and_not_asked_for(asked: list[str]) -> None:
    opinion = replace(samples.LIVER, answer=f'<img src="{asked[0]}/x.png">')
    assert "/x.png" in text(opinion)
    assert asked[1:] == []


def test_the_same_opinion_gives_the_same_bytes_in_another_process() -> None:
    script = (
        "import sys; from server.opinions.pdf import render_pdf; "
        "from tests.opinions import samples; "
        "sys.stdout.buffer.write(render_pdf(samples.PANCREAS))"
    )
    again = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Shanghai"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert hashlib.sha256(again.stdout).digest() == hashlib.sha256(pdf(samples.PANCREAS)).digest()


def test_rendering_has_nothing_to_complain_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        render_pdf(samples.LIVER)
    assert caplog.records == []
