"""What a mail says, in the recipient's language: plain text, and the same as simple HTML. Pure.

The words are data, one file for each language beside this one. A mail holds a case's number, days and
numbers, and an address that is worth nothing without signing in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.foundation.errors import FieldProblem, Invalid
from server.notices.kinds import NoticeKind

_FOLDER: Final = Path(__file__).parent / "languages"
LANGUAGES: Final = ("en", "zh", "hi", "es", "de")
DEFAULT: Final = "en"
_SENTENCES: Final = (
    "name",
    "no_case",
    "date",
    "greeting",
    "open_account",
    "open_link",
    "no_identity",
    "choose_account",
    "choose_link",
    "digest_subject",
    "digest_text",
    "closing",
)
# What people read of a notice's facts; `stage` and `what` are words for programs.
READ_FACTS: Final = (
    "answer_by",
    "count",
    "days",
    "due_on",
    "expires_on",
    "limit_on",
    "number",
    "on",
    "round",
)
_PAGES: Final = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True)
class Happened:
    """One thing to tell. `address` is the case's page for whoever has an account, empty otherwise."""

    kind: NoticeKind
    case_number: str
    facts: Mapping[str, str | int]
    address: str = ""


@dataclass(frozen=True)
class Letter:
    """A mail's subject, its plain text and its HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Said:
    subject: str
    text: str
    facts: tuple[tuple[str, str], ...]
    address: str


class WordsBroken(Invalid):
    """A file of a language cannot be used: a mail or a page would fail because of it."""


@cache
def words_of(language: str) -> Mapping[str, Any]:
    """Everything said in a language; English where there are no words in it."""
    known = language if language in LANGUAGES else DEFAULT
    return read_words((_FOLDER / f"{known}.toml").read_text(encoding="utf-8"), known)


def check_words() -> None:
    """Read every language, as whoever starts does: raises WordsBroken. What was read stays, so that a
    file that is being written later breaks no page."""
    for language in LANGUAGES:
        words_of(language)


def read_words(text: str, language: str) -> Mapping[str, Any]:
    """The words of a language from its file. Raises WordsBroken, naming everything that is wrong."""
    try:
        words: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise _broken(language, [FieldProblem("/", f"It is not TOML: {reason}.")]) from reason
    problems = [*_unsaid(words), *_wrong_months(words), *_wrong_kinds(words.get("kinds"))]
    if problems:
        raise _broken(language, problems)
    return words


def _broken(language: str, problems: list[FieldProblem]) -> WordsBroken:
    said = "; ".join(f"{one.pointer}: {one.message}" for one in problems[:5])
    return WordsBroken(
        f"The words of the notices in “{language}” cannot be used: {said}",
        remedy=f"Correct or restore server/notices/languages/{language}.toml.",
        problems=problems,
    )


def _unsaid(words: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name in _SENTENCES:
        if not isinstance(words.get(name), str) or not words[name].strip():
            yield FieldProblem(f"/{name}", "It is not said.")
    facts = words.get("facts")
    names = facts if isinstance(facts, dict) else {}
    if not all(isinstance(names.get(name), str) and names[name] for name in READ_FACTS):
        yield FieldProblem("/facts", "A fact has no name.")


def _wrong_months(words: Mapping[str, Any]) -> Iterator[FieldProblem]:
    months = words.get("months")
    if not isinstance(months, list) or len(months) not in (0, 12):
        yield FieldProblem("/months", "These are twelve names, or none.")
    try:
        str(words.get("date", "")).format(year=2026, month=1, day=1, name="")
    except (KeyError, IndexError, ValueError):
        yield FieldProblem("/date", "It holds something other than year, month, day and name.")


def _wrong_kinds(kinds: object) -> Iterator[FieldProblem]:
    said = kinds if isinstance(kinds, dict) else {}
    for kind in NoticeKind:
        one = said.get(kind.value)
        for part in ("subject", "text"):
            words = one.get(part) if isinstance(one, dict) else None
            if not isinstance(words, str) or not words.strip():
                yield FieldProblem(f"/kinds/{kind.value}/{part}", "It is not said.")
            elif "{" in words.replace("{case}", "" if part == "subject" else "{case}"):
                yield FieldProblem(f"/kinds/{kind.value}/{part}", "It holds an unknown place.")


def language_names() -> dict[str, str]:
    """Code and own name of every language, to choose from."""
    return {code: str(words_of(code)["name"]) for code in LANGUAGES}


def subject_of(happened: Happened, language: str = DEFAULT) -> str:
    """One line that says what happened: `Case M-2026-00007: a question`."""
    words = words_of(language)
    subject = str(words["kinds"][happened.kind.value]["subject"])
    return subject.replace("{case}", happened.case_number or str(words["no_case"]))


def facts_of(happened: Happened, language: str = DEFAULT) -> tuple[tuple[str, str], ...]:
    """The facts that people read, with their names: days, numbers. Words of lists are for programs."""
    names = words_of(language)["facts"]
    return tuple(
        (str(names[name]), _written(value, language))
        for name, value in happened.facts.items()
        if name in names
    )


def letter(
    happened: Sequence[Happened], language: str, *, has_account: bool, choose_at: str
) -> Letter:
    """The mail about one thing, or the day's about several. `choose_at` is the page of preferences."""
    words = words_of(language)
    several = len(happened) > 1
    said = [_said(one, language) for one in happened]
    values = {
        "language": language if language in LANGUAGES else DEFAULT,
        "subject": words["digest_subject"] if several else said[0].subject,
        "greeting": words["greeting"],
        "intro": words["digest_text"] if several else "",
        "said": said,
        "several": several,
        "open": words["open_account"] if has_account else words["open_link"],
        "has_account": has_account,
        "choose": words["choose_account"] if has_account else words["choose_link"],
        "choose_at": choose_at if has_account else "",
        "no_identity": words["no_identity"],
        "closing": words["closing"],
    }
    html = _PAGES.get_template("mail.html").render(values)
    return Letter(str(values["subject"]), _plain(values), html)


def _said(happened: Happened, language: str) -> _Said:
    sentences = words_of(language)["kinds"][happened.kind.value]
    return _Said(
        subject_of(happened, language),
        str(sentences["text"]),
        facts_of(happened, language),
        happened.address,
    )


def _plain(values: Mapping[str, Any]) -> str:
    lines = [values["greeting"], ""]
    if values["intro"]:
        lines += [values["intro"], ""]
    for one in values["said"]:
        if values["several"]:
            lines.append(one.subject)
        lines.append(one.text)
        lines += [f"{name}: {value}" for name, value in one.facts]
        if one.address:
            lines += [values["open"], one.address]
        lines.append("")
    if not values["has_account"]:
        lines += [values["open"], ""]
    lines += [values["no_identity"], f"{values['choose']} {values['choose_at']}".strip(), ""]
    return "\n".join([*lines, values["closing"], ""])


def _written(value: str | int, language: str) -> str:
    if not isinstance(value, str):
        return str(value)
    words, on = words_of(language), date.fromisoformat(value)
    months = words["months"]
    name = months[on.month - 1] if months else ""
    return str(words["date"]).format(year=on.year, month=on.month, day=on.day, name=name)
