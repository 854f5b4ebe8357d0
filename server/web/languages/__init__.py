"""The hospital's pages in the hospital's language: data in one file for each language but English.

A page, a rule and a script say everything in English; here stands what each sentence is in another
language. What a language has no sentence for stays English and is never empty.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import g, request, session
from jinja2 import Environment
from markupsafe import Markup, escape

from server.access.permissions import Account
from server.imaging.wording import DEFAULT, LANGUAGES, language_names
from server.opinions.words import Words
from server.web.visit import Visit

_FOLDER: Final = Path(__file__).parent
_CHOSEN: Final = "language"
_SENTENCE_ENDS: Final = re.compile(r"(?<=[.:?]) (?=[A-Z])")
_SCRIPT: Final = ("script", "reasons")
_BETWEEN: Final = {"colon": ": ", "semicolon": "; "}
NARROW_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"


@cache
def kept_words(language: str) -> Mapping[str, Any]:
    """The file of a language: `terms` of the pages, `script` of their scripts, `reasons` why a file is
    not taken, and `phrases`, patterns of the sentences with values in them. Empty for English."""
    path = _FOLDER / f"{language}.toml"
    if language not in LANGUAGES or not path.is_file():
        return {}
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _words_of(language: str) -> Words:
    kept = kept_words(language)
    terms = {
        english: said
        for part in ("terms", "script", "reasons")
        for english, said in kept.get(part, {}).items()
        if said
    }
    phrases = tuple((re.compile(one), said) for one, said in kept.get("phrases", {}).items())
    return Words(language, _BETWEEN, terms, phrases=phrases)


def speak(visit: Visit) -> str:
    """From here on this request is answered in the visitor's language, which it gives: the one that was
    chosen on the page, or else the hospital's. Accounts read English."""
    g.spoken = DEFAULT
    if isinstance(visit.actor, Account) or visit.admission.case is None:
        return DEFAULT
    asked = request.args.get(_CHOSEN, "")
    if asked in LANGUAGES:
        session[_CHOSEN] = asked
    chosen = session.get(_CHOSEN) or visit.case.hospital.language
    return speak_in(chosen)


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
    whole = words.term(text)
    if whole != text:
        return whole
    parts = [words.term(one) for one in _SENTENCE_ENDS.split(text)]
    return re.sub(r"(?<=[。：？]) ", "", " ".join(parts))


def script_words() -> dict[str, Any]:
    """What the scripts of a page need to speak the language of this request."""
    kept = kept_words(spoken())
    known = {english: text for part in _SCRIPT for english, text in kept.get(part, {}).items()}
    return {"terms": known, "phrases": list(kept.get("phrases", {}).items())}


def mono(text: str) -> Markup:
    """A value that is copied, in letters of one width, to be put into a sentence."""
    return Markup('<span class="mono">{}</span>').format(text)


def teach(env: Environment) -> None:
    """Give the templates these words."""
    env.filters.update(said=said)
    env.globals.update(
        say=say,
        say_count=say_count,
        script_words=script_words,
        page_language=spoken,
        page_languages=language_names,
        mono=mono,
    )
