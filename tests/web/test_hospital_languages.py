"""The pages that a hospital opens by its link, in the hospital's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from server.dossier.checklist import checklists
from server.dossier.quantities import QUANTITIES
from server.imaging.wording import LANGUAGES
from server.intake.uploads import actions, judging, kinds, taking, unpacking
from server.people.records import Hospital
from server.web import languages
from server.web.pages import assets
from tests.served import serving
from tests.web.conftest import Browser
from tests.world import World

Visitor = Callable[[str], tuple[Browser, str]]
SignedIn = Callable[[str], Browser]
OTHERS = [one for one in LANGUAGES if one != "en"]
TEMPLATES = Path(assets.FOLDER).parent / "templates"
PAGES = (
    "base",
    "case_tabs",
    "hospital",
    "hospital_questions",
    "hospital_refused",
    "parts",
    "records_wanted",
    "upload_box",
    "upload_languages",
    "upload_missing",
    "uploads",
)
_SAID = re.compile(r'\bsay\("([^"]+)"')
_HOLES = re.compile(r"\{\w+\}")
_DETAIL = "{…}"


@pytest.fixture
def written_to_in(app: Flask, small_world: World) -> Callable[[str], None]:
    """Say in which language the hospital of the case inside is written to."""

    def choose(language: str) -> None:
        with app.extensions["margin"].db.writing() as session:
            session.get_one(Hospital, small_world.inside.hospital_id).language = language

    return choose


def sentences_of_pages() -> set[str]:
    found: set[str] = set()
    for name in PAGES:
        found |= set(_SAID.findall((TEMPLATES / f"{name}.html").read_text()))
    for path in assets.FOLDER.glob("upload*.js"):
        found |= set(_SAID.findall(path.read_text()))
    for checklist in checklists().values():
        for item in checklist.items:
            found |= {item.title, item.why, item.format} - {"PDF"}
    return found


def reasons() -> Iterator[str]:
    """Every reason for which a file is not taken, as the source of the rules has it."""
    for module in (actions, judging, kinds, taking, unpacking):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        for text in ast.walk(tree):
            said = _text(text)
            if re.match(r"[A-Z][^\n]* [^\n]*[.]$", said) and not _is_prose(tree, text):
                yield said


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(one) or _DETAIL for one in node.values)
    return ""


def _is_prose(tree: ast.Module, node: ast.AST) -> bool:
    """Whether it is a docstring, a part of a sentence, or said to programs alone."""
    for parent in ast.walk(tree):
        children = list(ast.iter_child_nodes(parent))
        if node in children:
            is_raised = isinstance(parent, ast.Call) and "Kept" in ast.unparse(parent.func)
            return isinstance(parent, ast.Expr | ast.JoinedStr) or is_raised
    return False


@pytest.mark.parametrize("language", OTHERS)
def test_everything_that_the_pages_say_is_said_in_every_language(language: str) -> None:
    kept = languages.kept_words(language)
    known = {**kept["terms"], **kept["script"]}
    assert {one for one in sentences_of_pages() if not known.get(one, "").strip()} == set()
    assert {one.title for one in QUANTITIES.values() if " " in one.title} - set(known) <= {
        "CA 19-9",
        "AST (GOT)",
        "ALT (GPT)",
    }


@pytest.mark.parametrize("language", OTHERS)
def test_values_stand_in_a_translation_where_they_stand_in_the_sentence(language: str) -> None:
    kept = languages.kept_words(language)
    for part in ("terms", "script", "reasons"):
        for english, said in kept[part].items():
            assert sorted(_HOLES.findall(english)) == sorted(_HOLES.findall(said)), english
    for pattern, said in kept["phrases"].items():
        assert re.compile(pattern).groups == len(set(re.findall(r"\\\d", said))), pattern


@pytest.mark.parametrize("language", OTHERS)
def test_no_reason_for_which_a_file_is_not_taken_stays_english(app: Flask, language: str) -> None:
    english = []
    with app.test_request_context():
        languages.speak_in(language)
        for reason in set(reasons()):
            text = reason.replace(f"already, {_DETAIL}", "already, with other pixels")
            text = text.replace(_DETAIL, "7")
            said = languages.said(text)
            english += [part for part in re.split(r"(?<=[.:]) (?=[A-Z])", text) if part in said]
    assert english == []


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh", "尚缺内容"), ("hi", "अब भी बाकी"), ("es", "Aún falta"), ("de", "Was noch fehlt")],
)
def test_the_page_behind_the_link_speaks_the_hospitals_language(
    visitor: Visitor, written_to_in: Callable[[str], None], language: str, said: str
) -> None:
    written_to_in(language)
    browser, base = visitor("hospital")
    page = browser.get(f"{base}/").text
    assert f'<html lang="{language}">' in page
    assert said in page
    assert "Still missing" not in page
    assert re.search(r"\d{4}-\d\d-\d\d", page), "dates are the same for every reader"
    assert f'<html lang="{language}">' in browser.get(f"{base}/uploads").text


def test_the_language_is_changed_on_the_page_and_stays_changed(
    visitor: Visitor, written_to_in: Callable[[str], None]
) -> None:
    written_to_in("zh")
    browser, base = visitor("hospital")
    german = browser.get(f"{base}/", language="de").text
    assert "Wie es weitergeht" in german
    assert 'lang="de" hreflang="de" aria-current="true">Deutsch</a>' in german
    assert "Genügen die Bilder?" in german, "what is said of the images changes with the page"
    assert "Was noch fehlt" in browser.get(f"{base}/").text
    assert "What happens next" in browser.get(f"{base}/", language="en").text
    assert "What happens next" in browser.get(f"{base}/", language="xx").text


def test_a_coordinator_and_a_program_read_english(
    signed_in: SignedIn,
    visitor: Visitor,
    small_world: World,
    written_to_in: Callable[[str], None],
) -> None:
    written_to_in("zh")
    page = signed_in("Clara").get(f"/cases/{small_world.inside.number}/uploads").text
    assert '<html lang="en">' in page
    assert "What became of what was sent" in page
    browser, base = visitor("hospital")
    head = {"files": [{"name": "a.rar", "size": 9, "head": "UmFyIRoH"}]}
    for query, said in (("", "RAR archives are not"), ("?language=de", "RAR-Archive werden nicht")):
        answer = browser.client.post(f"{base}/uploads/glance{query}", json=head).get_json()
        assert said in answer["files"][0]["reason"]
        state = browser.client.get(f"{base}/uploads/state{query}").get_json()
        assert said in state["refused"][0]["reason"]


@pytest.mark.e2e
def test_an_upload_is_followed_in_chinese(
    app: Flask,
    page: Page,
    small_world: World,
    written_to_in: Callable[[str], None],
    tmp_path: Path,
) -> None:
    written_to_in("zh")
    disc = tmp_path / "disc"
    disc.mkdir()
    (disc / "IM1").write_bytes(bytes(128) + b"DICM" + bytes(99))
    (disc / "page.pdf").write_bytes(b"<html>" + bytes(300_000))
    with serving(app) as server:
        page.goto(f"http://localhost:{server.server_port}/open#{small_world.tokens['hospital']}")
        expect(page.locator("[data-drop]")).to_contain_text("选择文件夹或光盘")
        page.set_input_files("[data-folder]", disc)
        expect(page.locator("[data-said]")).to_have_text("已发送：2，共 2 个文件", timeout=30_000)
        expect(page.locator("[data-outcomes]")).to_contain_text("文件名为 PDF，但内容是网页。")
        expect(page.locator("[data-problems-title]")).to_have_text("1 个文件未接收")
        page.close()
