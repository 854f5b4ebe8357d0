"""Reading and writing sheets: what people send, and what they would better not."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from server.routing.checking import ProfileSaid
from server.routing.sheet import COLUMNS, SheetRow, cells_of, read_row
from server.routing.sheet_files import (
    MOST_ROWS,
    SheetUnreadable,
    as_csv,
    as_xlsx,
    read_sheet,
)
from server.routing.values import Volume
from server.routing.vocabulary import ORGAN_TITLES, capabilities, languages, operations

ROW = {"name": "Dr Ada Øst", "email": "ada@x.example", "organs": "Liver; Lung", "most_cases": "7"}
HEAD = "Name,E-mail address,Organs,Cases at a time\n"


def xlsx(*rows: tuple[str | float, ...]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("write", [as_csv, as_xlsx], ids=["csv", "xlsx"])
def test_a_sheet_that_was_written_is_read_back(write: object) -> None:
    (row,) = read_sheet(write([ROW]))  # type: ignore[operator]
    assert {key: value for key, value in row.cells.items() if value} == ROW
    assert (row.number, row.cell("email")) == (2, "B2")


@pytest.mark.parametrize(
    "content",
    [
        (HEAD + "Ada,a@x.example,Liver,7\n").encode(),
        (HEAD.replace(",", ";") + "Ada;a@x.example;Liver;7\n").encode("utf-8-sig"),
        (HEAD.replace(",", "\t") + "Ada\ta@x.example\tLiver\t7\n").encode("utf-16"),
        (HEAD + "\n,,,\nAda,a@x.example,Liver,7\n").encode(),
        (HEAD.upper().replace("-", " ") + "Ada,a@x.example,Liver,7\r\n").encode(),
        xlsx(("Name", "email", "Organs", "most_cases"), ("Ada", "a@x.example", "Liver", 7.0)),
    ],
    ids=["comma", "semicolon", "tab in UTF-16", "empty rows", "other headings", "numbers"],
)
def test_every_usual_way_of_saving_a_sheet_is_understood(content: bytes) -> None:
    (row,) = read_sheet(content)
    said, problems = read_row(row)
    assert (said.name, said.profile.organs, said.profile.most_cases) == ("Ada", ("liver",), 7)
    assert problems == []


def test_a_sheet_of_western_europe_keeps_its_letters() -> None:
    (row,) = read_sheet((HEAD + "Dr Müller,m@x.example,Liver,7").encode("cp1252"))
    assert row.cells["name"] == "Dr Müller"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel file"),
        (b"PK\x03\x04rest", "no .xlsx"),
        (zipped("a.txt", b"x"), "no .xlsx"),
        (zipped("[Content_Types].xml", b"<a"), "no .xlsx"),
        (zipped("xl/worksheets/sheet1.xml", b"0" * 61_000_000), "too large"),
        (b"%PDF-1.7\0\0", "neither CSV nor XLSX"),
        (b"Name,Organs\nAda,Liver", "no column “E-mail address”"),
        (b"Name,E-mail address,Shoe size\n", "“Shoe size” in C1 is not known"),
        (b"Name,E-mail address,name\n", "“name” stands twice"),
        ((HEAD + "a,b,c,d\n" * (MOST_ROWS + 1)).encode(), f"more than {MOST_ROWS} rows"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_sheet_is_refused_with_what_to_do(content: bytes, message: str) -> None:
    with pytest.raises(SheetUnreadable) as refused:
        read_sheet(content)
    assert message in refused.value.detail
    assert refused.value.remedy


def test_entities_of_an_xml_bomb_are_not_unfolded() -> None:
    whole = io.BytesIO(xlsx(("Name", "email"), ("Ada", "a@x.example")))
    bomb = b'<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet'
    out = io.BytesIO()
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(out, "w") as made:
        for name in source.namelist():
            made.writestr(name, source.read(name).replace(b"<worksheet", bomb, 1))
    with pytest.raises(SheetUnreadable, match="document type"):
        read_sheet(out.getvalue())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_no_cell_becomes_a_formula(text: str) -> None:
    rows = [{**ROW, "note": text}]
    assert f'"{text}"' not in as_csv(rows).decode() and f",{text}" not in as_csv(rows).decode()
    page = load_workbook(io.BytesIO(as_xlsx(rows)))["Surgeons"]
    assert page.cell(2, len(COLUMNS)).data_type == "s"
    for content in (as_csv(rows), as_xlsx(rows)):
        (row,) = read_sheet(content)
        assert row.cells["note"] == text


def test_the_template_explains_its_columns_and_lists_the_words() -> None:
    book = load_workbook(io.BytesIO(as_xlsx([])))
    heading = book["Surgeons"].cell(1, 1)
    assert heading.comment is not None
    words = {str(cell.value) for cell in book["Words"]["D"][1:] if cell.value}
    assert words == {one.title for one in capabilities().values()}


profiles = st.builds(
    ProfileSaid,
    organs=st.lists(st.sampled_from(sorted(ORGAN_TITLES)), unique=True).map(tuple),
    capabilities=st.lists(st.sampled_from(sorted(capabilities())), unique=True).map(tuple),
    languages=st.lists(st.sampled_from(sorted(languages())), unique=True).map(tuple),
    countries=st.lists(st.sampled_from(("GB", "IN")), unique=True).map(tuple),
    accepting=st.booleans(),
    most_cases=st.integers(1, 50),
    volumes=st.lists(
        st.builds(
            Volume,
            st.sampled_from(sorted(operations())),
            st.integers(1990, 2026),
            st.integers(0, 5000),
            st.sampled_from(("", "own log", "register (2 sites)")),
        ),
        max_size=4,
    ).map(tuple),
)


@given(profiles)
def test_a_profile_written_as_cells_is_read_back_the_same(profile: ProfileSaid) -> None:
    cells = cells_of("Dr Ada", "ada@x.example", "", "", profile)
    said, problems = read_row(SheetRow(2, cells))
    assert problems == []
    assert said.profile == profile


CELLS: dict[str, tuple[dict[str, str], str, str]] = {
    "no name": ({"name": " "}, "A9", "Enter the surgeon's name."),
    "no address": ({"email": "ada"}, "B9", "Enter an e-mail address"),
    "abbreviation": (
        {"capabilities": "ALPPS; PVE"},
        "D9",
        "Did you mean “Portal vein embolisation",
    ),
    "no such word": ({"capabilities": "Juggling"}, "D9", "The template lists the words."),
    "no such organ": ({"organs": "Spleen"}, "C9", "“Spleen” is not an organ that is known."),
    "no volume": ({"volumes": "many"}, "E9", "write the operation, the number, “in” and the year"),
    "other operation": ({"volumes": "Whipple 20 in 2025"}, "E9", "is not an operation"),
    "no number": ({"most_cases": "a few"}, "F9", "Write a whole number"),
    "neither yes nor no": ({"accepting": "perhaps"}, "G9", "Write yes or no."),
}
LETTERS = dict(
    zip(
        ("name", "email", "organs", "capabilities", "volumes", "most_cases", "accepting"),
        "ABCDEFG",
        strict=True,
    )
)


@pytest.mark.parametrize(("cells", "where", "message"), CELLS.values(), ids=CELLS.keys())
def test_a_cell_that_cannot_be_understood_is_named_with_the_remedy(
    cells: dict[str, str], where: str, message: str
) -> None:
    row = SheetRow(9, {"name": "Ada", "email": "a@x.example", **cells}, LETTERS)
    (problem,) = read_row(row)[1]
    assert problem.cell == where
    assert message in problem.message


@given(st.binary(max_size=400))
def test_any_bytes_are_a_sheet_or_are_refused(content: bytes) -> None:
    try:
        for row in read_sheet(content):
            read_row(row)
    except SheetUnreadable as refused:
        assert refused.problems
