"""Protocols are data: every file is as the schema wants it, with its source and mark of trust."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.annotations.organs import ORGANS
from server.imaging.assessing import assess
from server.imaging.protocols import (
    ProtocolFileWrong,
    ProtocolNotFound,
    protocol_named,
    protocols,
    protocols_of,
    read_protocol,
)
from server.imaging.queries import wanted_protocols
from tests.imaging.made_series import ON, liver, spacing

NAMED = ("liver-ct", "liver-mri", "pancreas-ct", "perihilar", "rectum-mri", "chest-ct", "lung",
         "pet-ct", "sarcoma")  # fmt: skip
SMALL = """
id = "x-ct"
title = "X"
version = "1"
organs = []
modality = "CT"
region = "abdomen"
note = ""
[recency]
green_days = 28
amber_days = 42
definitive_days = 90
source = "somewhere"
trust = "sourced"
[[want]]
id = "portal_venous"
need = "required"
phases = ["portal_venous"]
source = "somewhere"
trust = "sourced"
"""


def test_the_protocols_that_were_asked_for_are_there() -> None:
    assert set(NAMED) <= protocols().keys()


def test_every_organ_has_a_protocol_and_every_protocol_a_known_organ() -> None:
    for organ in ORGANS:
        assert wanted_protocols(organ), organ
    assert {organ for one in protocols().values() for organ in one.organs} <= set(ORGANS)
    assert {one.id for one in protocols_of("liver")} == {"liver-ct", "liver-mri"}


@pytest.mark.parametrize("protocol", NAMED)
def test_a_protocol_requires_something_and_says_where_that_comes_from(protocol: str) -> None:
    found = protocol_named(protocol)
    assert any(want.need == "required" for want in found.wants)
    groups = (found.recency, found.thickness, found.coverage, found.picture, *found.wants)
    assert all(one.source and one.trust for one in groups if one is not None)


def test_a_protocol_nobody_knows_is_refused_with_all_there_are() -> None:
    with pytest.raises(ProtocolNotFound) as refused:
        protocol_named("spleen-ct")
    assert all(name in refused.value.remedy for name in NAMED)


def test_a_small_protocol_is_enough() -> None:
    assert read_protocol(SMALL, "small").wants[0].id == "portal_venous"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('need = "required"', 'need = "urgent"', "want/0/need"),
        ('trust = "sourced"\n[[want]]', "[[want]]", "trust"),
        ("green_days = 28", "green_days = 60", "ascend"),
        ('phases = ["portal_venous"]', 'phases = ["sometime"]', "sometime"),
        ('region = "abdomen"', 'region = "knee"', "region"),
        ('note = ""', 'note = ""\nunknown = 1', "unknown"),
        ('id = "x-ct"', "id = ", "TOML"),
    ],
)
def test_a_protocol_with_an_error_is_refused_by_its_place(old: str, new: str, place: str) -> None:
    assert old in SMALL
    with pytest.raises(ProtocolFileWrong, match=place):
        read_protocol(SMALL.replace(old, new), "wrong.toml")


def test_a_number_that_does_not_stand_in_its_source_is_marked_so_where_it_is_shown() -> None:
    diffusion = next(one for one in protocol_named("rectum-mri").wants if one.id == "diffusion")
    assert diffusion.trust_of("least_b") == "sourced"
    assert diffusion.trust_of("least_matrix") == "general_knowledge"
    coverage = protocol_named("pancreas-ct").coverage
    short = [replace(one, coverage=None, spacing=spacing(positions=50)) for one in liver()]
    short = [replace(one, spacing=replace(one.spacing, extent_mm=(0.0, 100.0))) for one in short]
    found = assess(short, [protocol_named("pancreas-ct")], ON).findings
    (said,) = [one for one in found if one.id == "coverage_short"]
    marks = {one["limit_trust"] for one in said.evidence.get("series", [said.evidence])}
    assert (coverage is not None and coverage.trust, marks) == ("sourced", {"general_knowledge"})
