"""The words of routing fit each other, and what the organs' forms and rulesets call for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from server.annotations.organs import ORGANS
from server.cases.clocks.tiers import tiers
from server.dossier.checklist import checklists
from server.routing import vocabulary
from server.routing.sheet import BY_ID, COLUMNS, SheetRow, read_row
from server.routing.weights import weights

OTHER = "other"  # "another one, say which" in the forms: nothing that could be looked for


def choices(schema: Any) -> Iterator[str]:
    """Every capability that a form offers."""
    if isinstance(schema, dict):
        named = schema.get("capability_needed")
        if isinstance(named, dict) and "items" in named:
            yield from named["items"]["enum"]
        for one in schema.values():
            yield from choices(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from choices(one)


@pytest.mark.parametrize("organ", sorted(ORGANS))
def test_every_capability_that_a_form_or_a_ruleset_names_can_be_looked_for(organ: str) -> None:
    named = set(choices(ORGANS[organ].schema)) - {OTHER}
    for answers in ORGANS[organ].examples().values():
        for said in ORGANS[organ].evaluate(answers):
            named |= set(said.capabilities)
    assert named
    assert named - set(vocabulary.capabilities()) == set()


def test_the_issues_own_list_is_there() -> None:
    listed = "alpps portal_vein_embolisation liver_venous_deprivation two_stage_hepatectomy"
    listed += " venous_reconstruction arterial_resection multivisceral_resection sleeve_resection"
    listed += " robotic_surgery pelvic_exenteration iort haic ablation"
    assert set(listed.split()) <= set(vocabulary.capabilities())


def test_the_organs_are_those_of_the_forms() -> None:
    assert set(vocabulary.ORGAN_TITLES) == set(ORGANS)


def test_every_cancer_of_the_records_has_its_kind_of_centre() -> None:
    assert set(checklists()) <= set(vocabulary.cancers())
    assert vocabulary.cancer_of("liver", "").id == "liver"
    assert vocabulary.cancer_of("liver", "liver-hcc").id == "liver-hcc"
    assert vocabulary.cancer_of("kidney", "").id == "generic"


def test_the_lists_refer_to_each_other_only() -> None:
    codes, kinds = set(vocabulary.capabilities()), set(vocabulary.centre_kinds())
    for cancer in vocabulary.cancers().values():
        assert set(cancer.welcome) <= codes
        assert set(cancer.kinds) <= kinds
    for one in vocabulary.capabilities().values():
        assert one.group in vocabulary.capability_groups()
        assert set(one.includes) <= codes
    for word in (*vocabulary.operations().values(), *vocabulary.subspecialties().values()):
        assert set(word.organs) <= set(ORGANS)
    every_organ = {organ for one in vocabulary.operations().values() for organ in one.organs}
    assert every_organ == set(ORGANS)


def test_everything_has_a_source() -> None:
    for listed in (
        vocabulary.capabilities(),
        vocabulary.operations(),
        vocabulary.subspecialties(),
        vocabulary.centre_kinds(),
        vocabulary.cancers(),
    ):
        assert all(one.source for one in listed.values())


def test_no_weight_is_negative_and_one_claim_weighs_less_than_what_the_case_calls_for() -> None:
    by = weights()
    assert all(points >= 0 for group in (by.surgeon, by.centre) for points in vars(group).values())
    assert by.surgeon.capability_welcome < by.surgeon.capability_needed
    assert by.surgeon.capability_needed_at_centre < by.surgeon.capability_needed
    assert by.surgeon.capability_welcome_at_centre < by.surgeon.capability_welcome


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("St. Mary's Hospital", "st mary’s  HOSPITAL", True),
        ("Hôpital Européen", "Hopital Europeen", True),
        ("The University Hospital of Ulm", "Ulm University Hospital", True),
        ("Ulm University Hospital", "Bonn University Hospital", False),
        ("", "", False),
        ("北京协和医院", "北京协和医院", True),
    ],
)
def test_names_are_the_same_but_for_case_accents_and_small_words(
    one: str, other: str, same: bool
) -> None:
    assert vocabulary.same_name(one, other) is same


def test_the_example_of_the_template_is_a_row_that_would_be_taken() -> None:
    cells = {column.id: column.example for column in COLUMNS} | {"email": "other@hospital.example"}
    said, problems = read_row(SheetRow(2, cells))
    assert problems == []
    assert said.profile.volumes[0].count == 85
    example = {column.id: column.example for column in COLUMNS}
    refused = read_row(SheetRow(2, example, {"email": "B"}))[1]
    assert [(one.cell, one.column) for one in refused] == [("B2", BY_ID["email"].title)]


def test_tiers_are_written_in_words() -> None:
    title = next(iter(tiers().values())).title
    row = SheetRow(2, {"name": "A", "email": "a@b.example", "accepts_tiers": title})
    assert read_row(row)[0].profile.accepts_tiers == (next(iter(tiers())),)
    assert json.dumps(row.to_json())
