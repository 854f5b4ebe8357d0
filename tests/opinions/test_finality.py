"""What may be issued as final, as a table. Pure."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from server.opinions.drafts import Draft
from server.opinions.fhir_parts import VERDICT_CODES
from server.opinions.finality import FinalWithoutGround, ImagesTooOldForFinal, refuse_unfounded

OLD = "The newest images are 120 days old."
SEEN = date(2026, 11, 19)
OFFERS = {"resectable_now", "resectable_with_conditions"}
EVERY = list(product(VERDICT_CODES, ["", "in_person", "records_suffice"], [None, SEEN], ["", OLD]))


def outcome(status: str, verdict: str, basis: str, seen: date | None, too_old: str) -> str:
    draft = Draft(status=status, basis=basis, assessed_on=seen)
    try:
        refuse_unfounded(draft, verdict, too_old)
    except FinalWithoutGround as error:
        return error.problems[0].pointer
    except ImagesTooOldForFinal as error:
        assert OLD in error.detail
        return "too old"
    return "issued"


@pytest.mark.parametrize(("verdict", "basis", "seen", "too_old"), EVERY)
def test_a_preliminary_opinion_may_rest_on_anything(
    verdict: str, basis: str, seen: date | None, too_old: str
) -> None:
    assert outcome("preliminary", verdict, basis, seen, too_old) == "issued"


@pytest.mark.parametrize(("verdict", "basis", "seen", "too_old"), EVERY)
def test_a_final_one_needs_its_ground_and_images_young_enough(
    verdict: str, basis: str, seen: date | None, too_old: str
) -> None:
    found = outcome("final", verdict, basis, seen, too_old)
    if not basis or (basis == "records_suffice" and verdict in OFFERS):
        assert found == "/basis"
    elif basis == "in_person" and seen is None:
        assert found == "/assessed_on"
    elif too_old and verdict != "insufficient_imaging":
        assert found == "too old"
    else:
        assert found == "issued"
