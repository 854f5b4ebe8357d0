"""The fixed words of an opinion in the language of its reader: data in one file for each language.

What surgeons and hospitals wrote is printed as they wrote it. A label of a form that a language has no
term for stays English; a fixed sentence that it lacks is an error found by a test.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from server.foundation.errors import NotFound

_FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "zh")
# “Stage IIIA”, “Class B (Child-Pugh)”, “Lesion 2”.
_MARKED: Final = re.compile(r"(?P<what>[A-Z][a-z-]+) (?P<mark>[A-Z0-9][\w-]*)(?P<of> \([\w -]+\))?")
_BETWEEN: Final = ((": ", "colon"), ("; ", "semicolon"))


class NoWordsInLanguage(NotFound):
    """Opinions are not written in this language."""


@dataclass(frozen=True, eq=False)
class Words:
    """Everything said in one language. Templates read sentences as `w.key`. `numbered` are the first
    words of labels that end in a mark (“Stage IIIA”), each with where the mark stands; `phrases` are
    patterns of the phrases that the program itself makes (“seen on series 4, image 34”).
    """

    language: str
    sentences: Mapping[str, str]
    terms: Mapping[str, str]
    numbered: Mapping[str, str] = field(default_factory=dict)
    phrases: tuple[tuple[re.Pattern[str], str], ...] = ()

    def __getitem__(self, key: str) -> str:
        return self.sentences[key]

    def said(self, key: str, **values: object) -> str:
        """A sentence with its values put in. Raises KeyError for one that there is not."""
        return self.sentences[key].format(**values)

    def instead(self, key: str, text: str) -> str:
        """The sentence of this language for one that is English by itself, or that one."""
        return self.sentences.get(key, text)

    def term(self, label: str) -> str:
        """A label of a form in this language, or as it is. Of one in parts (“Metastases: Liver”, “Lung;
        Bone”) the parts are translated that have a term.
        """
        if not self.terms or label in self.terms:
            return self.terms.get(label, label)
        for between, key in _BETWEEN:
            parts = label.split(between)
            said = [self.term(part) for part in parts] if len(parts) > 1 else parts
            if said != parts:
                return self.sentences[key].join(said)
        marked = _MARKED.fullmatch(label)
        if marked and marked["what"] in self.numbered:
            return self.numbered[marked["what"]].format(marked["mark"]) + (marked["of"] or "")
        for pattern, said_so in self.phrases:
            if made := pattern.fullmatch(label):
                return made.expand(said_so)
        return label

    def span(self, interval: str) -> tuple[str, str] | None:
        """Both ends of “best to worst” in this language, or None where it is no such span. An end may
        hold the word itself (“up to limited resection”)."""
        words = interval.split(" to ")
        ends = [
            (" to ".join(words[:place]), " to ".join(words[place:]))
            for place in range(1, len(words))
        ]
        said = [tuple(self.term(one[:1].upper() + one[1:]) for one in pair) for pair in ends]
        for pair, (best, worst) in zip(ends, said, strict=True):
            if best.lower() != pair[0].lower() and worst.lower() != pair[1].lower():
                return best, worst
        return (said[0][0], said[0][1]) if said else None


@cache
def words_of(language: str) -> Words:
    """The words of a language. Raises NoWordsInLanguage."""
    if language not in LANGUAGES:
        raise NoWordsInLanguage(
            f'Opinions are not written in the language "{language[:20]}".',
            remedy=f"Languages are: {', '.join(LANGUAGES)}.",
        )
    kept = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    forms = _FOLDER / f"{language}_forms.toml"
    more = tomllib.loads(forms.read_text(encoding="utf-8")) if forms.is_file() else {}
    phrases = tuple((re.compile(one), said) for one, said in more.get("phrases", {}).items())
    return Words(
        language,
        kept["sentences"],
        kept.get("terms", {}) | more.get("terms", {}),
        kept.get("numbered", {}),
        phrases,
    )


ENGLISH: Final = words_of("en")
