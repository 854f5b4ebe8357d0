"""Down the levels, over datasets made by hand: what is found, what is told of it, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from server.dicomweb.query.attributes import REQUIRED, WHERE_KNOWN, Level, level_of, tags
from server.dicomweb.query.finding import Page, Search, SeriesEntry, search_study
from server.dicomweb.query.parameters import read_query

CT, SEG = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.66.4"


def element(keyword: str, *values: Any) -> tuple[str, dict[str, Any]]:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = dictionary_VR(tag)
    if vr == "SQ":
        values = tuple(dict(element(*pair) for pair in item.items()) for item in values)
    return f"{tag:08X}", {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def dataset(**attributes: Any) -> dict[str, Any]:
    return dict(
        element(keyword, *(value if isinstance(value, list) else [value]))
        for keyword, value in attributes.items()
    )


@dataclass
class HandMade:
    """A catalogue of studies: each a list of entries, each entry's source its instances."""

    studies: dict[str, list[SeriesEntry]]
    counts_hold: bool = True
    read: list[str] = field(default_factory=list)

    def series_of(self, study: str) -> list[SeriesEntry]:
        return self.studies[study]

    def instances_of(
        self, entry: SeriesEntry, tags: frozenset[str] | None
    ) -> Iterable[dict[str, Any]]:
        self.read.append(entry.series)
        return list(entry.source)

    def may_hold(self, entry: SeriesEntry, SOPInstanceUIDs: frozenset[str]) -> bool:
        return any(uid.startswith(f"{entry.series}.") for uid in SOPInstanceUIDs)


def entry(study: str, number: int, modality: str, count: int, **more: Any) -> SeriesEntry:
    series = f"{study}.{number}"
    common = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "PatientID": "P1",
        "PatientName": [{"Alphabetic": "Doe^Jane"}],
        "PatientBirthDate": "19600101",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "StudyDescription": "CT of the upper abdomen",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": [],
        "Modality": modality,
        "SeriesNumber": number,
        "SeriesDescription": f"series {number}",
        "InstitutionName": "Here",
        "RequestAttributesSequence": [
            {
                "ScheduledProcedureStepID": f"S{item}",
                "RequestedProcedureID": f"R{item}",
                "RequestedProcedureDescription": "liver",
            }
            for item in (1, 2)
        ],
        **more,
    }
    SOPClassUID = SEG if modality == "SEG" else CT
    instances = [
        dataset(
            **common,
            SOPClassUID=SOPClassUID,
            SOPInstanceUID=f"{series}.{position}",
            InstanceNumber=position,
            Rows=512,
            Columns=512,
            BitsAllocated=16,
            KVP=120,
            InstanceAvailability="ONLINE",
        )
        | {"7FE00010": {"vr": "OW", "BulkDataURI": "studies/1"}}
        for position in range(1, count + 1)
    ]
    return SeriesEntry(study, series, instances[0], count, (SOPClassUID,), instances)


@pytest.fixture
def catalogue() -> HandMade:
    """Study 1.1 has two CT series (2 and 10) and a SEG (9); study 1.2 has one CT series."""
    return HandMade(
        {
            "1.1": [
                entry("1.1", 10, "CT", 4),
                entry("1.1", 9, "SEG", 1, ContentLabel="LIVER"),
                entry("1.1", 2, "CT", 3, BodyPartExamined="LIVER"),
            ],
            "1.2": [entry("1.2", 1, "CT", 2, PatientID="P2")],
            "1.3": [],
        }
    )


def find(
    catalogue: HandMade,
    text: str = "",
    target: Level = Level.STUDY,
    *,
    study: str | None = None,
    series: str | None = None,
    limit: int = 1000,
) -> Page:
    query = read_query(text.encode())
    search = Search.read(query, target, study=study is not None, series=series)
    page = Page(query.offset, query.limit if query.limit is not None else limit)
    for uid in [study] if study else sorted(catalogue.studies):
        search_study(catalogue, uid, search, page)
    return page


def told(item: dict[str, Any], keyword: str) -> list[Any] | None:
    found = item.get(f"{tag_for_keyword(keyword):08X}")
    return None if found is None else found.get("Value", [])


def uids(page: Page, keyword: str) -> list[Any]:
    return [(told(item, keyword) or [""])[0] for item in page.items]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["1.1", "1.2"]),
        ("PatientID=P2", ["1.2"]),
        ("PatientName=doe*", ["1.1", "1.2"]),
        ("ModalitiesInStudy=SEG", ["1.1"]),
        ("NumberOfStudyRelatedSeries=3", ["1.1"]),
        ("NumberOfStudyRelatedInstances=2", ["1.2"]),
        ("SOPClassesInStudy=" + SEG, ["1.1"]),
        ("InstanceAvailability=ONLINE", ["1.1", "1.2"]),
        ("StudyDate=2026010%31-20260103", ["1.1", "1.2"]),
        # Keys of the levels below: fulfilled by something below.
        ("Modality=SEG", ["1.1"]),
        ("Modality=CT", ["1.1", "1.2"]),
        ("Modality=SEG&SeriesNumber=2", []),
        ("BodyPartExamined=LIVER&Modality=CT", ["1.1"]),
        ("SOPInstanceUID=1.2.1.2", ["1.2"]),
        ("SOPInstanceUID=1.2.1.2&PatientID=P1", []),
        ("ContentLabel=LIVER&Modality=CT", []),
        ("SeriesInstanceUID=1.2.1,1.1.9", ["1.1", "1.2"]),
        ("StudyInstanceUID=1.2", ["1.2"]),
        ("StudyID=x", []),
    ],
)
def test_studies_are_found_by_keys_of_every_level(
    catalogue: HandMade, text: str, found: list[str]
) -> None:
    assert uids(find(catalogue, text), "StudyInstanceUID") == found


@pytest.mark.parametrize(
    ("text", "study", "found"),
    [
        ("", None, ["1.1.2", "1.1.9", "1.1.10", "1.2.1"]),  # by number, not by text
        ("", "1.1", ["1.1.2", "1.1.9", "1.1.10"]),
        ("Modality=CT", "1.1", ["1.1.2", "1.1.10"]),
        ("PatientID=P2", None, ["1.2.1"]),
        ("PatientID=P2", "1.1", []),
        ("NumberOfSeriesRelatedInstances=3", None, ["1.1.2"]),
        ("InstanceNumber=4", None, ["1.1.10"]),
        ("RequestAttributesSequence.ScheduledProcedureStepID=S2&SeriesNumber=9", None, ["1.1.9"]),
    ],
)
def test_series_are_found_in_the_order_of_their_numbers(
    catalogue: HandMade, text: str, study: str | None, found: list[str]
) -> None:
    page = find(catalogue, text, Level.SERIES, study=study)
    assert uids(page, "SeriesInstanceUID") == found


@pytest.mark.parametrize(
    ("text", "study", "series", "found"),
    [
        ("", "1.1", "1.1.2", ["1.1.2.1", "1.1.2.2", "1.1.2.3"]),
        ("InstanceNumber=2", None, None, ["1.1.2.2", "1.1.10.2", "1.2.1.2"]),
        ("InstanceNumber=2", "1.1", None, ["1.1.2.2", "1.1.10.2"]),
        ("Modality=SEG", None, None, ["1.1.9.1"]),
        ("SOPInstanceUID=1.1.9.1,1.2.1.1,5", None, None, ["1.1.9.1", "1.2.1.1"]),
        ("SeriesInstanceUID=1.1.9", "1.1", "1.1.2", []),
    ],
)
def test_instances_are_found_through_all_levels(
    catalogue: HandMade, text: str, study: str | None, series: str | None, found: list[str]
) -> None:
    page = find(catalogue, text, Level.INSTANCE, study=study, series=series)
    assert uids(page, "SOPInstanceUID") == found


# What is told


def keywords(item: dict[str, Any]) -> set[str]:
    return {keyword_for_tag(int(tag, 16)) for tag in item}


STUDY_SET = {keyword_for_tag(int(tag, 16)) for tag in REQUIRED[Level.STUDY]}
KEYS_ABOVE = {"StudyInstanceUID", "SpecificCharacterSet"}
SERIES_SET = {
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "NumberOfSeriesRelatedInstances",
    "SeriesDescription",
    "RequestAttributesSequence",
}
INSTANCE_SET = {
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceNumber",
    "InstanceAvailability",
    "Rows",
    "Columns",
    "BitsAllocated",
}


@pytest.mark.parametrize(
    ("target", "study", "series", "expected"),
    [
        (Level.STUDY, None, None, STUDY_SET | KEYS_ABOVE | {"InstanceAvailability"}),
        (Level.SERIES, "1.1", None, SERIES_SET | KEYS_ABOVE),
        (Level.SERIES, None, None, SERIES_SET | STUDY_SET | KEYS_ABOVE | {"InstanceAvailability"}),
        (Level.INSTANCE, "1.1", "1.1.2", INSTANCE_SET | KEYS_ABOVE | {"SeriesInstanceUID"}),
        (Level.INSTANCE, "1.1", None, INSTANCE_SET | SERIES_SET | KEYS_ABOVE),
        (Level.INSTANCE, None, None, INSTANCE_SET | SERIES_SET | STUDY_SET | KEYS_ABOVE),
    ],
)
def test_unasked_the_tables_of_the_standard_are_told(
    catalogue: HandMade,
    target: Level,
    study: str | None,
    series: str | None,
    expected: set[str],
) -> None:
    item = find(catalogue, "", target, study=study, series=series).items[0]
    assert keywords(item) == expected


def test_what_is_required_is_told_though_it_is_empty_or_unknown(catalogue: HandMade) -> None:
    item = find(catalogue).items[0]
    assert item["00080090"] == {"vr": "PN"}
    assert item["00200010"] == {"vr": "SH"}
    assert item["00100040"] == {"vr": "CS"}


def test_counts_and_modalities_are_those_of_the_whole_study(catalogue: HandMade) -> None:
    item = find(catalogue, "Modality=SEG").items[0]
    assert told(item, "ModalitiesInStudy") == ["CT", "SEG"]
    assert told(item, "NumberOfStudyRelatedSeries") == [3]
    assert told(item, "NumberOfStudyRelatedInstances") == [8]


def test_the_items_of_a_sequence_hold_what_the_table_says(catalogue: HandMade) -> None:
    item = find(catalogue, "", Level.SERIES, study="1.1").items[0]
    items = told(item, "RequestAttributesSequence")
    assert items is not None
    assert [keywords(one) for one in items] == [
        {"ScheduledProcedureStepID", "RequestedProcedureID"}
    ] * 2


def test_of_a_sequence_that_was_searched_the_matching_items_are_told(catalogue: HandMade) -> None:
    text = "RequestAttributesSequence.ScheduledProcedureStepID=S2"
    item = find(catalogue, text, Level.SERIES, study="1.1").items[0]
    items = told(item, "RequestAttributesSequence")
    assert items is not None
    assert [told(one, "ScheduledProcedureStepID") for one in items] == [["S2"]]


@pytest.mark.parametrize(
    ("included", "target", "more"),
    [
        ("StudyDescription", Level.STUDY, {"StudyDescription"}),
        ("00081030", Level.SERIES, {"StudyDescription"}),
        ("InstitutionName,StudyDescription", Level.SERIES, {"StudyDescription", "InstitutionName"}),
        ("KVP", Level.INSTANCE, {"KVP"}),
        # Not what belongs to a level below (PS3.18 10.6.3.3).
        ("Modality,SeriesDescription,SOPInstanceUID", Level.STUDY, set()),
        ("KVP,SOPClassUID", Level.SERIES, set()),
        ("PixelData", Level.INSTANCE, set()),
        ("StudyComments", Level.STUDY, set()),
        ("SOPClassesInStudy", Level.STUDY, {"SOPClassesInStudy"}),
    ],
)
def test_more_is_told_where_it_is_asked_for(
    catalogue: HandMade, included: str, target: Level, more: set[str]
) -> None:
    study = None if target is Level.STUDY else "1.1"
    plain = keywords(find(catalogue, "", target, study=study).items[0])
    item = find(catalogue, f"includefield={included}", target, study=study).items[0]
    assert keywords(item) - plain == more


def test_parts_of_a_sequence_or_all_of_it_are_told(catalogue: HandMade) -> None:
    def items(text: str) -> set[str]:
        item = find(catalogue, text, Level.SERIES, study="1.1").items[0]
        return keywords((told(item, "RequestAttributesSequence") or [{}])[0])

    both = {"ScheduledProcedureStepID", "RequestedProcedureID"}
    whole = {*both, "RequestedProcedureDescription"}
    name = "RequestAttributesSequence"
    assert items(f"includefield={name}.ScheduledProcedureStepID") == both
    assert items(f"includefield={name}.RequestedProcedureDescription") == whole
    assert items(f"includefield={name}") == whole
    assert items(f"{name}=") == whole
    assert items("includefield=all") == whole


def test_all_is_everything_of_the_level_and_above_but_bulk_data(catalogue: HandMade) -> None:
    study = keywords(find(catalogue, "includefield=all").items[0])
    assert {"StudyDescription", "SOPClassesInStudy"} < study
    assert not {"Modality", "InstitutionName", "KVP", "SOPInstanceUID"} & study
    series = keywords(find(catalogue, "includefield=all", Level.SERIES, study="1.1").items[0])
    assert {"StudyDescription", "InstitutionName", "Modality"} < series
    assert not {"KVP", "SOPInstanceUID", "Rows"} & series
    instance = keywords(find(catalogue, "includefield=all", Level.INSTANCE, study="1.1").items[0])
    assert {"StudyDescription", "InstitutionName", "KVP", "Rows"} < instance
    assert "PixelData" not in instance


def test_what_was_searched_for_is_told_at_its_level(catalogue: HandMade) -> None:
    item = find(catalogue, "StudyDescription=CT*&InstitutionName=Here").items[0]
    assert told(item, "StudyDescription") == ["CT of the upper abdomen"]
    assert told(item, "InstitutionName") is None


# Page by page


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("text", ["", "KVP=120"])
def test_pages_join_to_the_whole_without_gap_or_doubling(
    catalogue: HandMade, size: int, text: str
) -> None:
    everything = find(catalogue, text, Level.INSTANCE).items
    joined = []
    for start in range(0, 12, size):
        page = find(catalogue, f"limit={size}&offset={start}&{text}", Level.INSTANCE)
        assert page.total == len(everything) == 10
        joined += page.items
    assert joined == everything


def test_series_that_do_not_lie_on_the_page_are_counted_without_being_read(
    catalogue: HandMade,
) -> None:
    page = find(catalogue, "limit=1&offset=4", Level.INSTANCE)
    assert (page.total, catalogue.read) == (10, ["1.1.10"])
    catalogue.counts_hold = False  # somebody who may not see every instance: each is looked at
    assert find(catalogue, "limit=1&offset=4", Level.INSTANCE).items == page.items
    assert len(catalogue.read) == 5


@pytest.mark.parametrize("target", list(Level))
def test_only_series_that_may_hold_an_instance_are_read_for_it(
    catalogue: HandMade, target: Level
) -> None:
    page = find(catalogue, "SOPInstanceUID=1.1.10.3", target)
    assert (page.total, catalogue.read) == (1, ["1.1.10"])


def test_a_limit_of_nothing_counts_only(catalogue: HandMade) -> None:
    page = find(catalogue, "limit=0")
    assert (page.items, page.total) == ([], 2)
    assert find(catalogue, "offset=50").items == []


# Levels


@pytest.mark.parametrize(
    ("keyword", "level"),
    [
        ("PatientName", Level.STUDY),
        ("PatientAge", Level.STUDY),
        ("StudyDescription", Level.STUDY),
        ("ModalitiesInStudy", Level.STUDY),
        ("Modality", Level.SERIES),
        ("BodyPartExamined", Level.SERIES),
        ("FrameOfReferenceUID", Level.SERIES),
        ("ManufacturerModelName", Level.SERIES),
        ("AnatomicalOrientationType", Level.SERIES),
        ("NumberOfSeriesRelatedInstances", Level.SERIES),
        ("ImageType", Level.INSTANCE),
        ("AcquisitionDate", Level.INSTANCE),
        ("NumberOfFrames", Level.INSTANCE),
        ("AvailableTransferSyntaxUID", Level.INSTANCE),
        ("SliceThickness", Level.INSTANCE),
    ],
)
def test_each_attribute_belongs_to_a_level(keyword: str, level: Level) -> None:
    assert level_of(tags(keyword)[0]) is level


def test_what_the_tables_name_belongs_to_their_level_or_to_all() -> None:
    for level in Level:
        for tag in (*REQUIRED[level], *WHERE_KNOWN[level]):
            assert level_of(tag) in (level, Level.STUDY), tag


def test_an_offset_from_utc_is_told_only_where_it_stands() -> None:
    elsewhere = entry("1.4", 2, "CT", 1, TimezoneOffsetFromUTC="+0900")
    catalogue = HandMade({"1.4": [entry("1.4", 1, "CT", 1), elsewhere]})
    for target, told in (
        (Level.STUDY, ["+0900"]),
        (Level.SERIES, [None, "+0900"]),
        (Level.INSTANCE, [None, "+0900"]),
    ):
        for text in ("", "includefield=all"):
            search = Search.read(read_query(text.encode()), target, study=False, series=None)
            page = Page(0, 100)
            search_study(catalogue, "1.4", search, page)
            found = [one.get("00080201", {}).get("Value", [None])[0] for one in page.items]
            assert found == told
