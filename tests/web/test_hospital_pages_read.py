"""Every page that a hospital's link reaches, read in each language beside English: what is the same in
both is a code, a name, or what somebody typed."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from server.access.records import Grant
from server.cases.records import Case
from server.conversation import actions as conversation
from server.conversation.actions import Said
from server.conversation.visibility import Audience, Side, Voice
from server.dossier import specimens
from server.dossier.quantities import QUANTITIES
from server.foundation.clock import utc_now
from server.foundation.db import new_id
from server.imaging.wording import LANGUAGES
from server.people.records import Hospital
from server.web import languages
from server.web.wording import unit as unit_words
from tests.opined import issue, opine, sign, with_sma
from tests.web import second_round
from tests.web.conftest import Browser
from tests.world import World

Visitor = Callable[[str], tuple[Browser, str]]
OTHERS = [one for one in LANGUAGES if one != "en"]
# Not read here: the files themselves, and what is printed.
FILES = re.compile(r"^/documents/|^/opinions/|^/answer/addenda/|\.pdf$|[?]")
# What a surgeon signed is shown in the words of the form, and a letter in its own language.
AS_WRITTEN = "as-written"
SPOKEN = ("title", "aria-label", "alt", "placeholder", "data-kept", "data-back", "data-not-kept")
# Whoever types in this test marks it, so that it is known again.
TYPED = "~"
VOID = frozenset(["br", "hr", "img", "input", "link", "meta"])
NOT_READ = frozenset(["code", "script", "style", "textarea"])
# Names, and what is the same in every language: codes, and the question of the case in `tests.world`.
NAMES = re.compile(
    r"Margin|Riverside|somebody|Clara|Lena|clara@margin\.example|English|中文|हिन्दी|Español|Deutsch"
    r"|Can it be resected\?|M-\d{4}-\d{5}|UTC|apixaban|mg\b|\b[A-Z][A-Z0-9-]*\d?\b"
    r"|PALB2|PD-L1|CLDN18\.2|FGFR2b|III[ab]|IV[ab]|Clavien-Dindo, Ann Surg"
)
UNITS = {unit_words(unit.name) for one in QUANTITIES.values() for unit in one.units}
# Where other letters are written, two words of these in a row are English inside a sentence.
_HALF = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
_LETTERS = re.compile(r"[^\W\d_]{2,}")


class Read(HTMLParser):
    """What a page says: its texts, and the attributes that are read out. What is to be copied, such as
    the code of a problem, is no word, and what was written in a language that is named stays as it is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.links: set[str] = set()
        self._silent = [False]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a" and found.get("href"):
            self.links.add(str(found["href"]).split("#")[0].rstrip("/"))
        self.said += [str(found[one]) for one in SPOKEN if found.get(one)]
        if tag not in VOID:
            marks = str(found.get("class")).split()
            is_kept = AS_WRITTEN in marks and "lang" in found
            is_code = "mono" in marks or tag in NOT_READ
            self._silent.append(self._silent[-1] or is_code or is_kept)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        self._silent.pop()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self._silent[-1]:
            self.said.append(text)


def english_in(page: str, beside: str, language: str) -> list[str]:
    """What a page says in the same words as its English reading, though it need not."""
    kept = languages.kept_words(language)
    same_word = {
        one
        for part in ("terms", "script", "errors")
        for one, said in kept[part].items()
        if said == one
    }
    english = set(Read(beside).said)
    said = Read(page).said
    if language in ("zh", "hi"):
        english |= {one for one in said if _HALF.search(NAMES.sub("", one))}
    return sorted(
        {
            one
            for one in said
            if one in english
            and TYPED not in one
            and re.sub(r"^[<>\d.]+ ", "", one) not in same_word | UNITS
            and _LETTERS.search(NAMES.sub("", one))
        }
    )


@pytest.fixture
def hospital(app: Flask, visitor: Visitor, small_world: World) -> tuple[Browser, str]:
    """A hospital at a case in which everything was used once."""
    browser, base = visitor("hospital")
    browser.get(f"{base}/records/values")
    for path, typed in _typed():
        answer = browser.post(f"{base}{path}", **typed)
        assert answer.status_code == 200, (path, answer.text)
    answer = browser.post(f"{base}/questions", **_question())
    assert answer.status_code == 200, answer.text
    with app.extensions["margin"].db.writing() as session:
        _asked_by_others(session, small_world)
        second_round.unreadable_images(session, small_world)
    return browser, base


@pytest.fixture
def answered(
    app: Flask,
    visitor: Visitor,
    visit: Callable[[str], tuple[FlaskClient, str]],
    small_world: World,
) -> tuple[Browser, str]:
    """A hospital at a case with an opinion, points, an addendum, and what follows, in a second round."""
    db, (browser, base) = app.extensions["margin"].db, visitor("hospital")
    browser.get(f"{base}/outcome")
    for seen in range(2):
        entered = browser.post(f"{base}/outcome", **{**dict(_typed())["/outcome"], "seen": seen})
        assert entered.status_code == 200, entered.text
    opine(app, visit, with_sma(200, answer_to_question="~Not now."))
    with db.writing() as session:
        case = session.get_one(Case, small_world.inside.id)
        second_round.compared(session, case)
        second_round.seen_in_person(session, case)
        second_round.planned(session, case)
        second_round.begun(session, case, small_world)
    sign(visit, with_sma(90, answer_to_question="~Now."))
    issue(app)
    with db.writing() as session:
        second_round.planned(session, session.get_one(Case, small_world.inside.id))
    browser.get(f"{base}/answer/letter")
    letter = {"kind": "local_team", "language": "en", "version": "0", "text": "~Dear"}
    assert browser.post_only(f"{base}/answer/letter", **letter).status_code == 303
    return browser, base


def _typed() -> Iterator[tuple[str, Mapping[str, object]]]:
    values = {"bilirubin": "1.9", "bilirubin_unit": "mg/dL", "inr": "1.1", "cea": "3"}
    for day in ("2026-01-02", "2026-02-03"):
        yield "/records/values", {"taken_on": day, **values}
    yield (
        "/records/lines/treatment",
        {"kind": "chemotherapy", "regimen": "~FOLFOX", "cycles": "4", "from_on": "2026-01"}
        | {"response": "PR"},
    )
    yield "/records/lines/marker", {"marker_result": "her2|positive (3+ or amplified)"}
    yield "/records/lines/medication", {"name": "~apixaban", "dose": "~5", "frequency": "~daily"}
    yield "/records/lines/question", {"text": "~Can I travel?"}
    yield "/records/items/pathology_report/not-available", {"reason": "~No biopsy"}
    yield (
        "/records/request",
        {"asker": "relative", "asker_name": "~Ann", "asker_relation": "~sister"}
        | {"reasons": "unresectable", "circumstance_pathology_review": "yes"},
    )
    yield "/records/consent", {"given_on": "2026-01-01", "how": "written"}
    yield "/records/consent/revoke", {"why": "~by telephone"}
    yield "/records/consent", {"given_on": "2026-01-02", "how": "spoken"}
    yield (
        "/records/specimens",
        {"pathology_number": "~H26", "label": "~A1", "kind": "he_slide", "count": "2"}
        | {"due_back_on": "2020-01-01"},
    )
    yield (
        "/records/specimens",
        {"pathology_number": "~H27", "label": "~A2", "kind": "other", "count": "1"},
    )
    yield (
        "/outcome",
        {"seen": "0", "course": "not_operated", "not_operated_reason": "unfit", "note": "~"}
        | {"vital_status": "alive", "vital_on": datetime.now(UTC).date().isoformat()},
    )
    yield "/notices/contacts", {"name": "~Office", "email": "~office@a.example", "language": "de"}


def _question() -> Mapping[str, object]:
    pdf = io.BytesIO(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")
    return {"subject": "~Board", "text": "~When?", "key": new_id(), "files": (pdf, "~letter.pdf")}


def _asked_by_others(session: Session, world: World) -> None:
    """A surgeon asks for more imaging, and the coordinator for a reconstruction."""
    now = utc_now()
    case = session.get_one(Case, world.inside.id)
    question = conversation.ask(
        session,
        case,
        Voice(Side.SURGEON, world.surgeon.id, world.surgeon.name),
        Said(text="~A late phase", key=new_id()),
        audience=Audience.HOSPITAL,
        subject="~Late phase",
        wants_imaging=True,
        now=now,
    )
    assert question
    specimens.ask_for(
        session,
        case,
        kind="reconstruction_3d",
        asked_of="~Centre",
        detail="~arteries",
        due_on="",
        by="coordinator Clara",
        now=now,
    )


def pages_of(browser: Browser, base: str) -> dict[str, str]:
    """Every page that can be reached from the first one, in English."""
    found: dict[str, str] = {}
    waiting = [base]
    while waiting:
        address = waiting.pop()
        answer = browser.get(f"{address}/" if address == base else address, **{"in": "en"})
        if "html" not in answer.content_type:
            continue
        found[address] = answer.text
        links = Read(answer.text).links
        own = {one for one in links if one.startswith(base) and not _is_file(one, base)}
        waiting += sorted(own - set(found) - set(waiting))
    return found


def _is_file(address: str, base: str) -> bool:
    return bool(FILES.search(address.removeprefix(base)))


def names_of(pages: Mapping[str, str], base: str) -> set[str]:
    return {re.sub(r"[0-9a-f-]{20,}", "…", one.removeprefix(base)) for one in pages}


def test_no_page_of_a_hospital_keeps_an_english_sentence(hospital: tuple[Browser, str]) -> None:
    browser, base = hospital
    pages = pages_of(browser, base)
    names = names_of(pages, base)
    assert names >= {"", "/records", "/records/values", "/records/request", "/records/specimens"}
    assert names >= {"/questions", "/notices", "/records/documents/…", "/uploads"}
    assert names >= {"/outcome", "/sharing", "/answer", "/afterwards"}, names
    assert "3 frames cannot be read" in pages[base]
    assert left_in_english(browser, base, pages) == {}


def test_no_page_keeps_an_english_sentence_once_the_case_was_answered_and_looked_at_again(
    answered: tuple[Browser, str],
) -> None:
    browser, base = answered
    pages = pages_of(browser, base)
    letter = f"{base}/answer/letter"
    pages[letter] = browser.get(letter, **{"in": "en"}).text
    assert "PDF is being made" in pages[letter]
    assert "Signed by" in pages[f"{base}/answer"]
    assert "moved since round 1" in pages[f"{base}/afterwards"]
    assert left_in_english(browser, base, pages) == {}
    browser.get(f"{base}/answer", **{"in": "de"})
    page = browser.get(f"{base}/answer").text
    assert "Konversionstherapie, danach neu beurteilen" in page
    assert '<span class="as-written" lang="en">Conversion therapy, then reassess</span>' in page


def left_in_english(
    browser: Browser, base: str, pages: Mapping[str, str]
) -> dict[tuple[str, str], list[str]]:
    """Of every language and page what stays as it is in English."""
    left = {}
    for language in OTHERS:
        for address, english in pages.items():
            page = browser.get(address, **{"in": language}).text
            assert f'<html lang="{language}">' in page, address
            if same := english_in(page, english, language):
                left[language, address.removeprefix(base)] = same
    return left


# What a hospital can do wrong on each page: where, and what is sent.
WRONG: tuple[tuple[str, dict[str, str]], ...] = (
    ("/records/values", {"taken_on": "", "bilirubin": "x"}),
    ("/records/values", {"taken_on": "2126-01-01", "bilirubin": "3400", "height": "17"}),
    ("/records/values", {"taken_on": "1926-01-01", "ecog": "1.5", "platelets": "1,234"}),
    ("/records/values", {"taken_on": "tomorrow", "inr": "90"}),
    ("/records/lines/treatment", {"cycles": "x", "from_on": "x", "until_on": "2126-01-01"}),
    ("/records/lines/treatment", {"kind": "surgery", "cycles": "2", "regimen": "x" * 3000}),
    ("/records/lines/marker", {}),
    ("/records/lines/medication", {}),
    ("/records/lines/question", {}),
    ("/records/lines/poem", {}),
    ("/records/items/pathology_report/not-available", {}),
    ("/records/items/moon/not-available", {"reason": "~"}),
    ("/records/request", {"asker": "relative", "reasons": "moon", "cancer": "moon"}),
    ("/records/consent", {}),
    ("/records/consent/revoke", {}),
    ("/records/specimens", {"count": "x", "due_back_on": "x"}),
    ("/records/specimens/moon/events", {}),
    ("/records/documents/moon", {"kind": "other"}),
    ("/questions", {"key": "a-key-of-the-form", "text": ""}),
    ("/questions/99/answers", {"key": "a-key-of-the-form", "text": "~"}),
    ("/questions/2/close", {}),
    ("/notices/contacts", {"name": "", "email": "x", "language": "xx"}),
    ("/notices/contacts/moon/remove", {}),
    ("/outcome", {"seen": "1"}),
    (
        "/outcome",
        {"seen": "1", "course": "operated", "operated_on": "2020-01-01", "vital_status": "dead"}
        | {"flr_after_ml": "x", "next_update_on": "2020-01-01", "resection_margin": "R9"},
    ),
    (
        "/outcome",
        {"seen": "1", "course": "not_operated", "not_operated_reason": "unfit", "note": "x" * 4001}
        | {"vital_status": "dead", "vital_on": "2020-01-01", "conversion_therapy": "other"},
    ),
    (
        "/outcome",
        {"seen": "1", "course": "operated", "complication_grade": "V", "vital_on": "2020-01-01"}
        | {"converted": "not_tried", "conversion_therapy": "other"},
    ),
    (
        "/outcome",
        {"seen": "1", "course": "not_operated", "not_operated_reason": "unfit"}
        | {"vital_status": "dead", "vital_on": "2020-01-01", "conversion_therapy": "other"},
    ),
    ("/outcome", {"seen": "0", "course": "pending"}),
    ("/sharing/consents/moon/withdraw", {}),
    ("/answer/points/moon/ask", {"question": "~"}),
    ("/answer/letter", {"kind": "local_team", "language": "de", "version": "0"}),
    ("/answer/letter", {"kind": "moon", "language": "de", "version": "0"}),
    ("/answer/addenda/moon", {}),
    ("/files", {}),
    ("/moon", {}),
    ("/opinion.pdf", {}),
)


def test_what_a_hospital_did_wrong_is_said_in_its_language(hospital: tuple[Browser, str]) -> None:
    browser, base = hospital
    said: dict[str, list[str]] = {}
    for language in LANGUAGES:
        browser.get(f"{base}/notices", **{"in": language})
        answers = [browser.post(f"{base}{path}", **typed) for path, typed in WRONG]
        assert all(400 <= one.status_code < 500 for one in answers)
        said[language] = [one.text for one in answers]
        assert all(f'<html lang="{language}">' in one for one in said[language])
    left = {
        (language, path): same
        for language in OTHERS
        for (path, _), page, english in zip(WRONG, said[language], said["en"], strict=True)
        if (same := english_in(page, english, language))
    }
    assert left == {}


def test_a_link_that_opens_no_more_says_so_in_the_language_of_the_pages_or_of_the_browser(
    app: Flask, visitor: Visitor
) -> None:
    browser, base = visitor("hospital")
    browser.get(f"{base}/", **{"in": "es"})
    with app.extensions["margin"].db.writing() as session:
        session.execute(update(Grant).values(revoked_at=utc_now()))
    ended = browser.get(f"{base}/records")
    assert ended.status_code == 401
    assert "Este acceso se ha retirado" in ended.text
    assert "Qué hacer:" in ended.text
    stranger = Browser(app.test_client())
    opened = stranger.client.get("/open", headers={"Accept-Language": "hi-IN,hi;q=0.9"}).text
    assert '<html lang="hi">' in opened
    words = json.loads(html.unescape(re.findall(r'data-words="([^"]*)"', opened)[0]))
    assert words["This access has expired."] == "इस पहुँच की अवधि समाप्त हो गई है।"
    assert '<html lang="en">' in stranger.client.get("/open").text


def test_a_surgeon_and_a_coordinator_read_the_same_pages_in_english(
    app: Flask, visitor: Visitor, signed_in: Callable[[str], Browser], small_world: World
) -> None:
    with app.extensions["margin"].db.writing() as session:
        session.get_one(Hospital, small_world.inside.hospital_id).language = "zh"
    surgeon, base = visitor("surgeon")
    clara, number = signed_in("Clara"), small_world.inside.number
    for page in (
        surgeon.get(f"{base}/records", **{"in": "zh"}).text,
        clara.get(f"/cases/{number}/records", **{"in": "zh"}).text,
        clara.get(f"/cases/{number}/questions").text,
    ):
        assert '<html lang="en">' in page
        assert 'class="languages' not in page
        assert not re.search(r"[\u4e00-\u9fff]", page)
