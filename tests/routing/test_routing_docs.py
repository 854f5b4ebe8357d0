"""The page about routing says what the files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.routing.sheet import COLUMNS
from server.routing.vocabulary import cancers, capabilities
from server.routing.weights import weights

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", ["surgeon", "centre", "scale"])
def test_every_weight_stands_there_with_its_value(group: str) -> None:
    for name, value in vars(getattr(weights(), group)).items():
        assert f"| `{name}` | {value} |" in PAGE


def test_every_capability_and_cancer_stands_there_with_its_source() -> None:
    for one in capabilities().values():
        assert f"| `{one.id}` | {one.title} |" in PAGE
        assert one.source in PAGE
    for cancer in cancers().values():
        assert f"| {cancer.title} |" in PAGE


def test_every_column_of_the_sheet_stands_there() -> None:
    for column in COLUMNS:
        assert f"| {column.title}" in PAGE
        assert column.hint in PAGE
