"""A query string becomes a search, or a refusal that says why."""

from __future__ import annotations

import time

import pytest

from server.dicomweb.query.parameters import (
    LONGEST_QUERY_BYTES,
    MOST_FIELDS,
    MOST_PARAMETERS,
    path_of,
    read_query,
)
from server.foundation.errors import BadRequest

STUDY_UID, SERIES_UID = ("0020000D",), ("0020000E",)
REQUEST_ID = ("00400275", "00400009")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("PatientID", ("00100020",)),
        ("00100020", ("00100020",)),
        ("0020000d", STUDY_UID),
        ("RequestAttributesSequence.ScheduledProcedureStepID", REQUEST_ID),
        ("00400275.00400009", REQUEST_ID),
        ("00400275.ScheduledProcedureStepID", REQUEST_ID),
        ("RequestAttributesSequence", ("00400275",)),
        (
            "ReferencedSeriesSequence.ReferencedInstanceSequence.ReferencedSOPInstanceUID",
            ("00081115", "0008114A", "00081155"),
        ),
        ("patientid", None),
        ("Nonsense", None),
        ("0010002", None),
        ("00990099", None),
        ("00291010", None),
        ("PatientID.PatientName", None),
        ("RequestAttributesSequence.Nonsense", None),
        ("RequestAttributesSequence.", None),
        (".", None),
        ("", None),
        ("TransferSyntaxUID", None),
        ("00000002", None),
        (".".join(["ContentSequence"] * 9), None),
        ("x" * 5000, None),
    ],
)
def test_a_name_is_a_path_of_tags_or_nothing(name: str, path: tuple[str, ...] | None) -> None:
    assert path_of(name) == path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("PatientName=A%5EB", "A^B"),
        ("PatientName=A+B", "A B"),
        ("PatientName=%20A%20", "A"),
        ("PatientName=M%C3%BCller", "Müller"),
        ("PatientName=A=B", "A=B"),
        ("PatientName=*", None),
        ("PatientName=**", None),
        ("PatientName=", None),
        ("PatientName", None),
        ("Nonsense=1", None),
        ("_=123", None),
        ("PixelData=1", None),
        ("SpecificCharacterSet=ISO_IR 100", None),
        ("TimezoneOffsetFromUTC=+0100", None),
        ("RetrieveURL=x", None),
        ("accept=application/json", None),
    ],
)
def test_what_restricts_is_known_and_has_a_value(text: str, value: str | None) -> None:
    keys = read_query(text.encode()).keys
    assert [key.value for key in keys] == ([] if value is None else [value])


def test_every_attribute_named_is_told_of() -> None:
    query = read_query(
        b"PatientID=1&StudyDescription=&includefield=00081030,Modality&includefield="
        b"RequestAttributesSequence.ScheduledProcedureStepID&includefield=Nonsense"
    )
    assert set(query.fields) == {("00100020",), ("00081030",), ("00080060",), REQUEST_ID}
    assert not query.all_fields
    assert [key.path for key in query.keys] == [("00100020",)]


@pytest.mark.parametrize(
    "text", ["includefield=all", "includefield=PatientID,all", "includefield=all&limit=1"]
)
def test_all_fields_can_be_asked_for(text: str) -> None:
    assert read_query(text.encode()).all_fields


def test_options_have_their_defaults() -> None:
    query = read_query(b"")
    assert (query.limit, query.offset) == (None, 0)
    assert not (query.fuzzy or query.empty_values or query.multiple_values)
    query = read_query(
        b"limit=0&offset=7&fuzzymatching=TRUE&emptyvaluematching=true&multiplevaluematching=true"
    )
    assert (query.limit, query.offset) == (0, 7)
    assert query.fuzzy and query.empty_values and query.multiple_values


@pytest.mark.parametrize(
    "text",
    [
        "limit=x",
        "limit=-1",
        "limit=",
        "limit=1.0",
        "limit=1&limit=2",
        "limit=1000000000000",
        "limit=%D9%A1",
        "offset=-1",
        "offset=a",
        "fuzzymatching=maybe",
        "fuzzymatching=1",
        "emptyvaluematching=yes",
        "multiplevaluematching=0",
        "fuzzymatching=true&fuzzymatching=true",
        "PatientID=a&PatientID=b",
        "PatientID=a&00100020=b",
        "PatientID=a&PatientID=",
        "RequestAttributesSequence.ScheduledProcedureStepID=1&00400275.00400009=1",
    ],
)
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_query(text.encode())
    assert refusal.value.detail.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        b"StudyInstanceUID=" + b",".join([b"1.2.3.4.5"] * 10_000),
        b"a" * 1_000_000,
        b"&".join([b"a=1"] * 500_000),
        b"&".join([b"a"] * (MOST_PARAMETERS + 1)),
        b"includefield=" + b",".join([b"PatientID"] * (MOST_FIELDS + 1)),
        b"includefield=" + b"." * LONGEST_QUERY_BYTES,
    ],
    ids=["uids", "bytes", "parameters of a megabyte", "parameters", "fields", "dots"],
)
def test_a_search_without_measure_is_refused_at_once(text: bytes) -> None:
    begin = time.thread_time()
    with pytest.raises(BadRequest):
        read_query(text)
    assert time.thread_time() - begin < 0.5


def test_bytes_that_are_no_text_are_read_as_best_as_can_be() -> None:
    assert read_query(b"PatientName=%ff%fe\xff&%=%&=&&").keys[0].path == ("00100010",)
