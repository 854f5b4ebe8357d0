"""The hospital's pages in the hospital's language: data in one file for each language but English.

A page, a rule and a script say everything in English; here stands what each sentence is in another
language. What a language has no sentence for stays English and is never empty. What a surgeon signed is
shown in the words of the form, which are English, and marked so (`as-written`); a verdict is said in both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from flask import g, request, session
from jinja2 import Environment
from markupsafe import Markup, escape

from server.access.action import Action
from server.access.permissions import Holder
from server.imaging.wording import DEFAULT, LANGUAGES, language_names
from server.opinions.words import Words
from server.web.visit import Visit

_FOLDER: Final = Path(__file__).parent
# In the address of a page, and in the cookie: what was chosen, and what was spoken last.
_ASKED: Final = "in"
_CHOSEN: Final = "language"
_LAST: Final = "spoken"
_SENTENCE_ENDS: Final = re.compile(r"(?<=[.:?]) (?=[A-Z])")
_PARTS: Final = ("terms", "script", "reasons", "errors")
_SCRIPT: Final = ("script", "reasons")
_HOLE: Final = re.compile(r"\\([0-9])")
_BETWEEN: Final = {"colon": ": ", "semicolon": "; "}
# How `Actor.text` begins.
_ROLES: Final = ("admin", "coordinator", "grant", "program", "surgeon")
_ID: Final = re.compile(r"^[0-9a-f]{8} (?=.)")
NARROW_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"


@cache
def kept_words(language: str) -> Mapping[str, Any]:
    """The file of a language: `terms` of the pages, `script` of their scripts, `reasons` why a file is
    not taken, `errors`, and `phrases`, patterns of the sentences with values in them. Empty for
    English."""
    path = _FOLDER / f"{language}.toml"
    if language not in LANGUAGES or not path.is_file():
        return {}
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _words_of(language: str) -> Words:
    kept = kept_words(language)
    terms = {
        english: said for part in _PARTS for english, said in kept.get(part, {}).items() if said
    }
    phrases = tuple((re.compile(one), said) for one, said in kept.get("phrases", {}).items())
    return Words(language, _BETWEEN, terms, phrases=phrases)


def speak(visit: Visit) -> str:
    """From here on this request is answered in the visitor's language, which it gives: for whoever came
    by a hospital's link the one that was chosen on a page, or else the hospital's; English for others."""
    g.chooses_language = _came_for_hospital(visit)
    if not g.chooses_language:
        return speak_in(DEFAULT)
    asked = request.args.get(_ASKED, "")
    if asked in LANGUAGES:
        session[_CHOSEN] = asked
    chosen = speak_in(session.get(_CHOSEN) or visit.case.hospital.language)
    if session.get(_LAST) != chosen:
        session[_LAST] = chosen
    return chosen


def _came_for_hospital(visit: Visit) -> bool:
    """Whether it is a link of a hospital, which knows whose case it is and judges no images."""
    if not isinstance(visit.actor, Holder) or visit.admission.case is None or visit.pseudonymised:
        return False
    return visit.may(Action.CASE_READ) and (
        visit.may(Action.IMAGES_SEND) or not visit.may(Action.IMAGES_READ)
    )


def speak_to_stranger() -> str:
    """Answer somebody who was not let in, or not yet: in the language that was spoken last in this
    browser, or else the first of the browser's own that is spoken here."""
    browsers = request.accept_languages.best_match(LANGUAGES, DEFAULT)
    return speak_in(session.get(_LAST) or str(browsers))


def speak_in(language: str) -> str:
    """Answer this request in a language that a program or a script names; English where it is not one."""
    g.spoken = language if language in LANGUAGES else DEFAULT
    return spoken()


def spoken() -> str:
    """The code of the language in which this request is answered."""
    return str(g.get("spoken", DEFAULT))


def say(english: str, **values: object) -> Markup:
    """A sentence in the language of this request, its values put in by name and escaped."""
    return escape(_words_of(spoken()).term(english)).format(**values)


def say_count(number: int, one: str, many: str = "") -> Markup:
    """A number with its noun: `1 file`, `3 files`, `3 个文件`."""
    noun = one if number == 1 else many or f"{one}s"
    return say(f"{{number}} {noun}", number=f"{number:,}".replace(",", NARROW_SPACE))


def said(text: str) -> str:
    """A text that a rule made, as a whole or else sentence by sentence; a sentence that the language
    lacks stays as it is."""
    words = _words_of(spoken())
    whole = _known(words, text)
    if whole is not None:
        return whole
    parts = _SENTENCE_ENDS.split(text)
    made = [_known(words, one) or words.term(one) for one in parts]
    if made == parts:
        return words.term(text)
    return re.sub(r"(?<=[。：？]) ", "", " ".join(made))


def said_listing(text: str) -> str:
    """A text that a rule made of a title and what it lists: `Blood tests: CEA, Total bilirubin`."""
    title, between, listed = text.partition(": ")
    if not between:
        return said(text)
    terms, parts, made = _words_of(spoken()).terms, listed.rstrip(".").split(", "), []
    while parts:
        # A title may hold a comma itself: the longest that is known is meant.
        known = (n for n in range(len(parts), 0, -1) if ", ".join(parts[:n]) in terms)
        length = next(known, 1)
        one = ", ".join(parts[:length])
        made.append(terms.get(one, one))
        del parts[:length]
    return f"{said(title)}: {', '.join(made)}"


def said_each(texts: Mapping[Any, str]) -> dict[Any, str]:
    """The same choices, each in the language of this request."""
    return {key: said(text) for key, text in texts.items()}


def _known(words: Words, text: str) -> str | None:
    """A term, or a sentence with values in it, of which those are translated that are terms."""
    if text in words.terms:
        return words.terms[text]
    for pattern, instead in words.phrases:
        if found := pattern.fullmatch(text):
            return _filled(words, instead, found)
    return None


def _filled(words: Words, instead: str, found: re.Match[str]) -> str:
    def value(hole: re.Match[str]) -> str:
        kept = found[int(hole[1])]
        return words.terms.get(kept, kept)

    return _HOLE.sub(value, instead)


def whom(actor: str) -> str:
    """Who did something, as the records keep it: `coordinator Clara Costa`. A name stays as it is. A
    hospital reads for whom a link is and no more: the beginning of its id, by which a coordinator finds
    it in their list, tells it nothing."""
    role, _, name = actor.partition(" ")
    if role not in _ROLES or not name:
        return actor
    named = _ID.sub("", name) if g.get("chooses_language") else name
    if role == "grant" and g.get("chooses_language"):
        return named
    return _words_of(spoken()).term(f"{role} {{name}}").replace("{name}", named)


def script_words() -> dict[str, Any]:
    """What the scripts of a page need to speak the language of this request."""
    kept = kept_words(spoken())
    known = {english: text for part in _SCRIPT for english, text in kept.get(part, {}).items()}
    return {"terms": known, "phrases": list(kept.get("phrases", {}).items())}


def errors_said() -> Mapping[str, str]:
    """What may go wrong before a link is opened, in the language of this request."""
    return dict(kept_words(spoken()).get("errors", {}))


def mono(text: str) -> Markup:
    """A value that is copied, in letters of one width, to be put into a sentence."""
    return Markup('<span class="mono">{}</span>').format(text)


def link(address: str, text: object) -> Markup:
    """A link to be put into a sentence."""
    return Markup('<a href="{}">{}</a>').format(address, text)


def address_in(language: str) -> str:
    """The address of this page in another language."""
    kept = [(name, one) for name, one in request.args.items(multi=True) if name != _ASKED]
    return f"?{urlencode([*kept, (_ASKED, language)])}"


def chooses_language() -> bool:
    """Whether this page offers the other languages: to a hospital, where it can be opened again."""
    return bool(g.get("chooses_language")) and request.method == "GET"


def teach(env: Environment) -> None:
    """Give the templates these words."""
    env.filters.update(said=said, said_listing=said_listing, whom=whom)
    env.globals.update(
        say=say,
        say_count=say_count,
        script_words=script_words,
        page_language=spoken,
        page_languages=language_names,
        errors_said=errors_said,
        mono=mono,
        said_each=said_each,
        link=link,
        address_in=address_in,
        chooses_language=chooses_language,
    )
