"""The opinion on paper: Chinese, Letter, kinds, panel, key images; tagged so that it can be read aloud."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from server.opinions.document import Opinion
from server.opinions.page import render_html
from server.opinions.panel_part import (
    AgreementRow,
    Dissent,
    PanelMember,
    PanelPart,
    PanelPartMalformed,
    PanelVote,
)
from server.opinions.pdf import pdf_of_html, render_pdf
from server.opinions.standing import Precedent, Verification, finding_categories
from server.opinions.stored import from_stored, to_stored
from server.opinions.words import ENGLISH, NoWordsInLanguage, words_of
from tests.opinions import samples

TEMPLATES = Path(__file__).parents[2] / "server" / "opinions" / "templates"
ZH = words_of("zh")
PANEL = PanelPart(
    rule="Three surgeons vote without seeing each other's votes; the majority decides.",
    members=(
        PanelMember("Prof. A. Lindqvist", "Seahaven"),
        PanelMember("Dr B. Okafor", "Lakeside", called_later=True),
    ),
    votes=(
        PanelVote("Prof. A. Lindqvist", "resectable_now", "Resectable now"),
        PanelVote("Dr B. Okafor", "not_resectable_here", "Not resectable here"),
    ),
    majority="Resectable now",
    chair="Prof. A. Lindqvist",
    conclusion="Operate.",
    dissent=(Dissent("Dr B. Okafor", "The vein cannot be rebuilt."),),
    agreement=(AgreementRow("Superior mesenteric artery", 1, 2, ("120°", "200°")),),
)
WHOLE = replace(
    samples.PANCREAS,
    panel=PANEL,
    key_images=(samples.KEY_IMAGE,),
    categories=finding_categories(["convertible"]),
    imaging_limits=("Slices are 3 mm thick.",),
    verification=Verification("https://margin.example/verify", "7K3QX-90MZD"),
)
FINAL = replace(
    WHOLE,
    status="final",
    basis="The patient was assessed in person",
    assessed_on=date(2026, 11, 20),
    precedent=Precedent("M-2026-0042-O1", samples.SIGNED_AT, "Prof. A. Lindqvist"),
)
CHINESE = replace(FINAL, language="zh", paper="letter")


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(file, "JPEG")
    return file.getvalue()


@cache
def reader(opinion: Opinion) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(opinion, {samples.KEY_IMAGE.name: picture()})))


def pages(opinion: Opinion) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in reader(opinion).pages]


def tags(node: Any) -> Iterator[Any]:
    """Every element of the structure tree (ISO 32000-1, 14.7)."""
    here = node.get_object()
    if isinstance(here, dict):
        if "/S" in here:
            yield here
        children = here.get("/K", [])
        for child in children if isinstance(children, list) else [children]:
            if not isinstance(child, int):
                yield from tags(child)


@pytest.mark.parametrize(
    "opinion", [WHOLE, FINAL, CHINESE, samples.LIVER], ids=["1", "2", "3", "4"]
)
def test_every_opinion_is_tagged_from_heading_to_picture(opinion: Opinion) -> None:
    root: Any = reader(opinion).root_object
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/Lang"] == ("zh-CN" if opinion.language == "zh" else "en")
    found = list(tags(root["/StructTreeRoot"]))
    kinds = {str(one["/S"]) for one in found}
    assert {"/Document", "/H1", "/H2", "/P", "/Table", "/TR", "/TH", "/TD", "/Figure"} <= kinds
    for figure in (one for one in found if one["/S"] == "/Figure"):
        assert str(figure["/Alt"]).strip()
    levels = [int(str(one["/S"])[2:]) for one in found if re.fullmatch(r"/H\d", str(one["/S"]))]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_page_says_whether_the_opinion_is_preliminary_or_final() -> None:
    for opinion, words in ((WHOLE, "Preliminary"), (FINAL, "Final"), (CHINESE, "最终意见")):
        assert all(words in page for page in pages(opinion))
    assert "Final: follows the preliminary opinion M-2026-0042-O1" in pages(FINAL)[0]
    assert "The patient was assessed in person on 2026-11-20" in " ".join(pages(FINAL))


def test_no_page_ends_with_a_heading() -> None:
    headings = [*ENGLISH.sentences.values(), "Tumour", "Metastases"]
    for page in pages(FINAL)[:-1]:
        body = page.rsplit("Case C-2026-0117 · Resectability", 1)[0].rstrip(" •")
        assert not any(body.endswith(f" {one}") for one in headings if len(one) > 8), body[-80:]


def test_letter_is_letter_on_every_page_and_a4_is_a4() -> None:
    sizes = {
        name: {
            tuple(round(float(side)) for side in page.mediabox[2:]) for page in reader(one).pages
        }
        for name, one in (("letter", CHINESE), ("a4", WHOLE))
    }
    assert sizes == {"letter": {(612, 792)}, "a4": {(595, 842)}}


def test_a_chinese_opinion_has_its_fixed_words_in_chinese_and_is_numbered_so() -> None:
    printed = pages(CHINESE)
    whole = " ".join(printed).replace(" ", "")
    for words in (
        "可切除性评估意见书",
        "先行转化治疗，再评估",
        "肠系膜上动脉",
        "360°中的120°",
        "未评估",
    ):
        assert words in whole
    assert "影像检查有其局限" in whole
    assert f"第1页，共{len(printed)}页" in printed[0].replace(" ", "")
    for words in ("Recommendation", "Signed electronically", "no contact", "Page 1"):
        assert words not in " ".join(printed)


def test_every_glyph_of_a_chinese_opinion_is_in_an_embedded_font() -> None:
    for page in reader(CHINESE).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            [descendant] = font.get_object()["/DescendantFonts"]
            descriptor = descendant.get_object()["/FontDescriptor"]
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor.get_object())
        assert "\ufffd" not in page.extract_text()


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    def values(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    only_chinese = {"limitation", "preliminary_note"}
    assert set(ZH.sentences) - only_chinese == set(ENGLISH.sentences)
    for key, sentence in ENGLISH.sentences.items():
        assert values(sentence) == values(ZH[key]), key
        assert ZH[key] == sentence or re.search(r"[\u3000-\u9fff\uff00-\uffef]", ZH[key]), key
    with pytest.raises(NoWordsInLanguage):
        words_of("xx")


def test_the_templates_hold_no_sentence_of_their_own() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = re.sub(r"\{[{%#].*?[}%#]\}", " ", path.read_text(), flags=re.DOTALL)
        shown = re.sub(r"<[^>]*>", " ", text)
        left = [
            word for word in re.findall(r"[A-Za-z]{3,}", shown) if word not in ("Margin", "SHA")
        ]
        assert left == [], path.name


def test_the_panel_is_printed_with_votes_majority_and_dissent() -> None:
    text = " ".join(pages(WHOLE))
    assert "Verdict of the panel" in text
    assert "Prof. A. Lindqvist Chair Seahaven Resectable now" in text
    assert "Called when the first votes differed" in text
    assert "Majority: Resectable now" in text
    assert "Dr B. Okafor The vein cannot be rebuilt." in text
    assert "1 of 2 120°; 200°" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"chair": "Nobody"},
        {"dissent": (Dissent("Nobody", "x"),)},
        {"votes": (PanelVote("Nobody", "x", "x"),)},
        {"agreement": (AgreementRow("x", 3, 2),)},
    ],
)
def test_a_panel_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PanelPartMalformed):
        replace(PANEL, **changes)


def test_a_key_image_is_printed_with_its_caption_and_named_for_the_blind() -> None:
    text = " ".join(pages(WHOLE))
    assert "Superior mesenteric artery: Contact: angle 118°" in text
    assert "series 4 portal venous, image 34, window -125 to 225" in text
    assert any(page.images for page in reader(WHOLE).pages)
    bare = render_html(WHOLE)
    assert "This picture could not be made from the archive" in bare
    assert "data:image/jpeg;base64," in render_html(WHOLE, {samples.KEY_IMAGE.name: picture()})


def test_who_holds_the_paper_is_told_where_to_check_it() -> None:
    text = pages(WHOLE)[-1]
    assert "https://margin.example/verify with opinion M-2026-0042 and code 7K3QX-90MZD" in text
    assert re.search(r"Content SHA-256 [0-9a-f]{64}", text)


@pytest.mark.parametrize("opinion", [WHOLE, FINAL, CHINESE], ids=["1", "2", "3"])
def test_an_opinion_is_kept_and_read_back_with_all_its_parts(opinion: Opinion) -> None:
    assert from_stored(to_stored(opinion)) == opinion
    assert {field.name for field in fields(Opinion)} == set(to_stored(opinion)["opinion"])


def test_rules_against_breaks_that_cannot_be_kept_do_not_keep_an_opinion_from_paper() -> None:
    """WeasyPrint 70 fails where such rules leave a page empty."""
    unkind = ".grid tbody tr { break-after: avoid; } tr { break-before: avoid; }</style>"
    rows = "".join(f"<tr><td>{n}<br>x<br>y</td></tr>" for n in range(400))
    table = f"<table class='grid'><thead><tr><th>h</th></tr></thead><tbody>{rows}</tbody></table>"
    html = render_html(WHOLE).replace("</style>", unkind).replace("</main>", f"{table}</main>")
    assert pdf_of_html(html).startswith(b"%PDF-")
