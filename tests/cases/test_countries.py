"""Countries are kept by two letters and said by name."""

from __future__ import annotations

import pytest

from server.cases.countries import countries_by_name, country_in_sentence, country_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("GB", "United Kingdom"),
        ("in", "India"),
        ("BA", "Bosnia and Herzegovina"),
        ("CI", "Côte d’Ivoire"),
        ("ZZ", "ZZ"),
        (None, ""),
    ],
)
def test_countries_are_said_by_name(code: str | None, name: str) -> None:
    assert country_name(code) == name


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("GB", "the United Kingdom"),
        ("NL", "the Netherlands"),
        ("KY", "the Cayman Islands"),
        ("SE", "Sweden"),
        ("DE-BY", "Germany (BY)"),
        ("ZZ", "ZZ"),
    ],
)
def test_a_sentence_names_a_country_with_its_article_and_a_part_behind_it(
    code: str, said: str
) -> None:
    assert country_in_sentence(code) == said


def test_countries_are_offered_once_each_by_name() -> None:
    codes, names = zip(*countries_by_name(), strict=True)
    assert {"DE", "GB", "IN", "CN"} <= set(codes)
    assert "UK" not in codes
    assert len(set(names)) == len(names)
    assert "".join(dict.fromkeys(name[0] for name in names)) == "AÅBCDEFGHIJKLMNOPQRSTUVWYZ"
