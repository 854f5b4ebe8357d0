"""Headers that hold anything: bounded facts, or none, and never an error."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.imaging.assessing import assess, printed
from server.imaging.facts import facts_of
from server.imaging.headers import KEYWORDS, of_json
from server.imaging.protocols import protocols
from server.imaging.stored import from_json, to_json
from tests.imaging.made_series import ON, header

ODD = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "1e400", "nan", "inf", "-1e30", "65536", "1\\2", "99999999", "20269999",
         "2026", "{count}", "<b>", "..", "=^=", "门静脉", "\x00", "250000.999999", "24:61"]
    ),
    st.text(max_size=12),
    st.integers(-(10**12), 10**12),
    st.floats(),
)  # fmt: skip
VALUES = st.one_of(ODD, st.lists(ODD, max_size=7), st.none())
CHANGES = st.dictionaries(st.sampled_from(KEYWORDS), VALUES, max_size=12)


@settings(max_examples=250, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=4), st.sampled_from(sorted(protocols())))
def test_whatever_headers_say_there_is_an_assessment(
    changes: list[dict[str, Any]], protocol: str
) -> None:
    facts = facts_of([header(number, **one) for number, one in enumerate(changes, 1)])
    assert from_json(json.loads(json.dumps(to_json(facts)))).name == facts.name
    found = assess([facts], [protocols()[protocol]], ON)
    for language in ("en", "zh", "hi", "es", "de"):
        json.dumps(printed(found, language), allow_nan=False)


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
TAGS = st.sampled_from(["00080060", "00200032", "52009230", "52009229", "00180012", "00083002"])
ELEMENTS = st.one_of(
    JSON_VALUES,
    st.fixed_dictionaries({"vr": st.sampled_from(["SQ", "DS", "LO"]), "Value": JSON_VALUES}),
)


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(TAGS, ELEMENTS, max_size=6))
def test_whatever_the_archive_answers_there_are_headers(dataset: dict[str, Any]) -> None:
    assert facts_of(of_json(dataset)).images >= 1
