"""The pages that a hospital opens by its link, in the hospital's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from server.access import sharing
from server.annotations.organs import ORGANS
from server.answers import letters, points
from server.cases.aftercare import in_person, reassessing
from server.dicom import decoding
from server.dossier import completeness, custody, custody_form, documents
from server.dossier import value_sets as dossier_sets
from server.dossier.checklist import checklists, circumstances, markers
from server.dossier.quantities import QUANTITIES
from server.imaging.wording import LANGUAGES
from server.intake.uploads import actions, judging, kinds, taking, unpacking
from server.notices.kinds import KINDS, Group, kinds_for
from server.opinions.words import words_of
from server.outcomes import entered
from server.outcomes import value_sets as outcome_sets
from server.people.records import Hospital
from server.prepared import preparing
from server.web import languages, problems
from server.web.pages import assets, layout, notice_choices, outcome, questions_shown, records_frame
from tests.served import serving
from tests.web.conftest import Browser
from tests.world import World

Visitor = Callable[[str], tuple[Browser, str]]
SignedIn = Callable[[str], Browser]
OTHERS = [one for one in LANGUAGES if one != "en"]
TEMPLATES = Path(assets.FOLDER).parent / "templates"
# Who says why a frame cannot be read, or a series is not prepared, and in what the reason is kept.
SAYS_WHY = re.compile(
    r"PixelsUnreadable|Unreadable|SyntaxUnknown|NoFrames|NotAsReceived|SeriesTooLarge|self\._give_up"
)
KEEPS_WHY = re.compile(r"begun\.reason|ended")
_SAID = re.compile(r'\b(?:say|in_both)\(\s*"((?:[^"\\]|\\.)+)"')
_NOUN = r'[^"]*"([^"]+)"(?:, "([^"]+)")?\)'
_COUNTED = re.compile(rf"\bsay_count\({_NOUN}")
_COUNTED_BY_SCRIPT = re.compile(rf"\bcount\({_NOUN}")
_HOLES = re.compile(r"\{\w+\}")
_DETAIL = "{…}"
# The same in every language.
CODE = re.compile(
    r"PDF|[A-Z]+[0-9]*|CA 19-9|A(ST|LT) \(G[OP]T\)|CLDN18\.2|PD-L1|FGFR2b|KRAS G12C|BRAF V600E"
    r"|BRCA1, BRCA2, PALB2|I[IV]+[ab]"
)
# Put together where it is said: who did something, what was counted, and how long ago it was.
MADE = re.compile(
    r"(admin|coordinator|grant|program|surgeon) \{name\}|\{number\} .+|never|just now"
)
# Joined of two sentences, or of a sentence and a word, where they are said.
JOINED = (
    "When nothing is missing the clock goes on",
    "The case is on hold: ask the coordinator why",
    "listed, not sent yet",
    "Write the day on which the patient died",
    "Write the day on which the patient was last known to be alive",
    "The patient died before the operation; correct one day",
    "The patient was last seen before the operation; correct one day",
)
# Of the errors with a title of their own; the others are a surgeon's or a recipient's.
MET_BY_HOSPITALS = (
    *("grant_revoked", "grant_expired"),
    *("no_place_free", "database_away", "database_not_writable"),
)


@pytest.fixture
def written_to_in(app: Flask, small_world: World) -> Callable[[str], None]:
    """Say in which language the hospital of the case inside is written to."""

    def choose(language: str) -> None:
        with app.extensions["margin"].db.writing() as session:
            session.get_one(Hospital, small_world.inside.hospital_id).language = language

    return choose


def sentences_of_pages() -> set[str]:
    """Everything that templates, pages and scripts say, and the words of every list that they show."""
    found: set[str] = set()
    for text in _sources():
        found |= {one.replace("\\'", "'") for one in _SAID.findall(text)}
        for one, many in _COUNTED.findall(text) + _by_script(text):
            found |= {f"{{number}} {one}", f"{{number}} {many or one + 's'}"}
    for checklist in checklists().values():
        found.add(checklist.title)
        for item in checklist.items:
            found |= {item.title, item.why, item.format}
    for asked in circumstances():
        found |= {asked.question, asked.id.replace("_", " ")} | ({asked.help} - {""})
    for marker in markers().values():
        found |= {marker.title, *marker.results}
    for words in _lists():
        found |= set(words)
    return {one for one in found if not CODE.fullmatch(one)}


def _sources() -> Iterator[str]:
    folder = assets.FOLDER
    yield from (one.read_text() for one in TEMPLATES.glob("*.html"))
    yield (Path(custody_form.__file__).parent / "templates" / "custody_form.html").read_text()
    yield from (one.read_text() for one in folder.glob("upload*.js"))
    yield from (one.read_text() for one in Path(str(layout.__file__)).parent.glob("*.py"))


def _by_script(text: str) -> list[tuple[str, str]]:
    is_upload = "upload_language.js" in text or "export const count" in text
    return _COUNTED_BY_SCRIPT.findall(text) if is_upload else []


def _lists() -> Iterator[Iterable[str]]:
    """The words that are shown by their key."""
    yield from (
        one.values()
        for one in (documents.KINDS, documents.LANGUAGES, dossier_sets.ASKERS, dossier_sets.REASONS)
    )
    yield from (dossier_sets.CONSENT_WAYS.values(), dossier_sets.TREATMENT_KINDS.values())
    yield from (dossier_sets.RESPONSES.values(), dossier_sets.SPECIMEN_KINDS.values())
    yield from (dossier_sets.TASK_KINDS.values(), custody.LABELS.values())
    yield (one.lower() for one in custody.LABELS.values())
    yield (*completeness.WORDS.values(), completeness.OLD, completeness.SAID_BEFORE)
    yield (one.title for one in QUANTITIES.values())
    yield (label for _, label, _, _ in records_frame.TABS)
    yield (*notice_choices.CHOICES.values(), *questions_shown.WAITS_FOR.values())
    yield (KINDS[one].label for one in kinds_for(Group.HOSPITAL))
    yield (*sharing.RECIPIENTS.values(), *sharing.WHAT.values(), *sharing.GIVEN_BY.values())
    yield outcome.LABELS.values()
    yield (*points.STANDINGS.values(), *letters.KINDS.values())
    yield (*in_person.LABELS.values(), *in_person.NEEDS.values())
    yield (one.lower() for one in reassessing.REMINDED.values())
    for organ in ORGANS.values():
        verdict = next(one for one in organ.fields if one.pointer == organ.verdict_pointer)
        yield verdict.hints["choices"].values()
        yield outcome_sets.operations(organ.id).values()
    for coded in entered.CODED.values():
        yield coded.values()
    yield problems.TITLES.values()
    yield (problems.TITLES_OF_CODES[one] for one in MET_BY_HOSPITALS)


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


def reasons_of_frames() -> Iterator[str]:
    """Every reason for which a frame cannot be read, as the sources have it."""
    folder = Path(str(preparing.__file__)).parent
    for path in (*folder.glob("*.py"), Path(str(decoding.__file__))):
        for one in ast.walk(ast.parse(path.read_text())):
            texts: list[ast.expr] = []
            if isinstance(one, ast.Call) and SAYS_WHY.fullmatch(ast.unparse(one.func)):
                texts = one.args
            elif isinstance(one, ast.Assign) and KEEPS_WHY.fullmatch(ast.unparse(one.targets[0])):
                texts = one.value.values if isinstance(one.value, ast.BoolOp) else [one.value]
            yield from filter(None, map(_text, texts))


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
    known = {**kept["terms"], **kept["script"], **kept["errors"]}
    assert {one for one in sentences_of_pages() if not known.get(one, "").strip()} == set()


def test_every_language_says_the_same_and_nothing_that_is_never_said() -> None:
    files = {one: languages.kept_words(one) for one in OTHERS}
    parts = ("terms", "script", "reasons", "errors", "phrases")
    keys = {one: {part: set(kept[part]) for part in parts} for one, kept in files.items()}
    assert all(one == keys["zh"] for one in keys.values())
    source = "".join(one.read_text() for one in Path("server").rglob("*.py"))
    source += "".join(_sources()) + "".join(one.read_text() for one in assets.FOLDER.glob("*.js"))
    source += "".join(
        one.read_text() for one in Path("server").rglob("*.toml") if one.parent.name != "languages"
    )
    written = re.sub(r'"\s*f?"', "", source).replace("\\'", "'")
    written += "".join(JOINED)
    unused = {
        one
        for part in ("terms", "script", "errors")
        for one in keys["zh"][part] - sentences_of_pages()
        if one.rstrip(".:") not in written and not MADE.fullmatch(one)
    }
    assert unused == set()


@pytest.mark.parametrize("language", OTHERS)
def test_values_stand_in_a_translation_where_they_stand_in_the_sentence(language: str) -> None:
    kept = languages.kept_words(language)
    for part in ("terms", "script", "reasons", "errors"):
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


@pytest.mark.parametrize("language", OTHERS)
def test_no_reason_for_which_a_frame_cannot_be_read_stays_english(
    app: Flask, language: str
) -> None:
    found = {one.replace(_DETAIL, "7") for one in reasons_of_frames()}
    assert {"Its pixels are damaged.", "It ends early: 7 of 7 bytes are there."} <= found
    assert any("not all of its frames" in one for one in found)
    assert any("not wrapped as they should be" in one for one in found)
    with app.test_request_context():
        languages.speak_in(language)
        assert {one for one in found if languages.said(one) == one} == set()


def test_a_verdict_is_said_on_a_page_as_it_is_printed_in_the_opinion(app: Flask) -> None:
    printed = words_of("zh")
    with app.test_request_context():
        languages.speak_in("zh")
        for organ in ORGANS.values():
            verdict = next(one for one in organ.fields if one.pointer == organ.verdict_pointer)
            for english in verdict.hints["choices"].values():
                assert languages.said(english) == printed.term(english)


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
    german = browser.get(f"{base}/", **{"in": "de"}).text
    assert "Wie es weitergeht" in german
    assert 'lang="de" hreflang="de" aria-current="true">Deutsch</a>' in german
    assert "Genügen die Bilder?" in german, "what is said of the images changes with the page"
    assert "Was noch fehlt" in browser.get(f"{base}/").text
    assert "What happens next" in browser.get(f"{base}/", **{"in": "en"}).text
    assert "What happens next" in browser.get(f"{base}/", **{"in": "xx"}).text


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
