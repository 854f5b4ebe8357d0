"""The fixed words of an opinion in the language of its reader: data in one file for each language.

What surgeons and hospitals wrote is printed as they wrote it. A label of a form that a language has no
term for stays English; a fixed sentence that it lacks is an error found by a test.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from server.foundation.errors import NotFound

_FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "zh")


class NoWordsInLanguage(NotFound):
    """Opinions are not written in this language."""


@dataclass(frozen=True, eq=False)
class Words:
    """Everything said in one language. Templates read sentences as `w.key`."""

    language: str
    sentences: Mapping[str, str]
    terms: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.sentences[key]

    def said(self, key: str, **values: object) -> str:
        """A sentence with its values put in. Raises KeyError for one that there is not."""
        return self.sentences[key].format(**values)

    def instead(self, key: str, text: str) -> str:
        """The sentence of this language for one that is English by itself, or that one."""
        return self.sentences.get(key, text)

    def term(self, label: str) -> str:
        """A label of a form in this language, or as it is. Of one in parts (“Metastases: Liver”) the
        parts are translated that have a term.
        """
        if not self.terms or label in self.terms:
            return self.terms.get(label, label)
        parts = label.split(": ")
        said = [self.terms.get(part, part) for part in parts]
        return self.sentences["colon"].join(said) if said != parts else label


@cache
def words_of(language: str) -> Words:
    """The words of a language. Raises NoWordsInLanguage."""
    if language not in LANGUAGES:
        raise NoWordsInLanguage(
            f'Opinions are not written in the language "{language[:20]}".',
            remedy=f"Languages are: {', '.join(LANGUAGES)}.",
        )
    kept = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Words(language, kept["sentences"], kept.get("terms", {}))


ENGLISH: Final = words_of("en")
