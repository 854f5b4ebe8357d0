"""All bulk data and all pixels of a study, a series and an instance in one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server.dicomweb.delivery.bulk_sets import pointers
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller

OCTETS = 'multipart/related; type="application/octet-stream"'


def levels(study: str) -> Iterator[str]:
    yield f"/studies/{study}"
    yield f"/studies/{study}/series/{samples.PORTAL}"
    yield f"/studies/{study}/series/{samples.PORTAL}/instances/{samples.PORTAL}.1"


def located(answer: Any) -> dict[str, bytes]:
    """The parts by their Content-Location, without the origin."""
    found = {}
    for head, content in samples.parts_of(answer):
        address = head["content-location"]
        assert int(head["content-length"]) == len(content)
        assert head["content-type"] == "application/octet-stream"
        found[address.partition("/dicom-web")[2]] = content
    return found


@pytest.mark.parametrize("rest", ["bulkdata", "pixeldata"])
@pytest.mark.parametrize("accept", [OCTETS, "*/*", f"{OCTETS}; transfer-syntax=*"])
def test_every_part_is_what_its_address_gives(insider: Caller, rest: str, accept: str) -> None:
    for level in levels(samples.CASE):
        answer = insider.get(f"{level}/{rest}", accept)
        assert answer.status_code == 200, level
        parts = located(answer)
        assert parts
        for address, content in parts.items():
            assert insider.get(address, "application/octet-stream").data == content
        pixels = [address for address in parts if address.endswith("/bulk/7fe00010")]
        assert pixels
        if rest == "pixeldata":
            assert pixels == list(parts)
        again = insider.get(f"{level}/{rest}", accept, **{"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_every_address_that_gives_something_has_its_part(insider: Caller) -> None:
    for level in levels(samples.CASE):
        given = set()
        for dataset in insider.get(f"{level}/metadata").json:
            path = _path(dataset)
            attributes = [*pointers(dataset), *["7fe00010"] * ("00280010" in dataset)]
            given |= {
                address
                for address in (f"{path}/bulk/{attribute}" for attribute in attributes)
                if insider.get(address, "application/octet-stream").status_code == 200
            }
        assert set(located(insider.get(f"{level}/bulkdata"))) == given
    # A document that is no PDF is not given out, and takes nothing else with it.
    assert not any(samples.CDA in address for address in given)


def _path(dataset: dict[str, Any]) -> str:
    study, series, instance = (
        dataset[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")
    )
    return f"/studies/{study}/series/{series}/instances/{instance}"


def test_other_forms_are_not_acceptable(insider: Caller) -> None:
    (study, *_) = levels(samples.CASE)
    for accept in ("application/octet-stream", "image/jpeg", f"{OCTETS}; transfer-syntax=1.2.3"):
        assert insider.get(f"{study}/pixeldata", accept).status_code == 406


def test_what_is_beyond_the_grant_or_has_no_bulk_data_is_not_there(
    insider: Caller, outsider: Caller
) -> None:
    for level in levels(samples.CASE):
        assert outsider.get(f"{level}/bulkdata").status_code == 404
        assert outsider.get(f"{level}/pixeldata").status_code == 404
    assert insider.get("/studies/1.2.3.4/bulkdata").status_code == 404


def test_pointers_within_sequences_are_found() -> None:
    bulk = {"vr": "OB", "BulkDataURI": "x"}
    item = {"00091010": bulk, "7FE00010": bulk}
    dataset = {"7FE00010": bulk, "00880200": {"vr": "SQ", "Value": [{}, item]}, "00420011": bulk}
    assert list(pointers(dataset)) == ["00880200/2/00091010", "00880200/2/7fe00010", "00420011"]
