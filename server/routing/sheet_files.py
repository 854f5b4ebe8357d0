"""Reading and writing the sheet of surgeons as CSV and XLSX, without trusting what was sent."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from server.cases.clocks.tiers import tiers
from server.foundation.errors import FieldProblem, Invalid
from server.routing.sheet import COLUMNS, SheetRow
from server.routing.vocabulary import titles_of

LARGEST_BYTES: Final = 5_000_000
LARGEST_UNPACKED_BYTES: Final = 60_000_000
MOST_ROWS: Final = 5000
MOST_COLUMNS: Final = 60
LONGEST_CELL: Final = 8000
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ZIP: Final = b"PK\x03\x04"
_OLD_XLS: Final = b"\xd0\xcf\x11\xe0"
# What a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class SheetUnreadable(Invalid):
    """The file is no sheet of surgeons."""


def read_sheet(content: bytes) -> list[SheetRow]:
    """The rows of a CSV or XLSX file, empty ones left out. Raises SheetUnreadable."""
    if not content.strip():
        raise _unreadable("The file is empty.", "Choose the sheet that you filled in.")
    if len(content) > LARGEST_BYTES:
        raise _unreadable("The file is larger than 5 MB.", "Leave pictures and other pages out.")
    if content.startswith(_OLD_XLS):
        raise _unreadable("This is an old Excel file (.xls).", "Save it as .xlsx or as CSV.")
    rows = _xlsx_rows(content) if content.startswith(_ZIP) else _csv_rows(content)
    return _under_headings(rows)


def _unreadable(detail: str, remedy: str) -> SheetUnreadable:
    return SheetUnreadable(detail, [FieldProblem("/file", f"{detail} {remedy}")], remedy=remedy)


def _csv_rows(content: bytes) -> list[list[str]]:
    text = _decoded(content)
    if "\0" in text:
        raise _unreadable("This is neither CSV nor XLSX.", "Save the sheet as CSV or as .xlsx.")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise _unreadable(f"The CSV is broken: {error}.", "Save it again as CSV.") from error
    return [[cell[:LONGEST_CELL] for cell in row[:MOST_COLUMNS]] for row in rows[: MOST_ROWS + 2]]


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What spreadsheet programs of Western Europe write when nobody chose.
        return content.decode("cp1252", errors="replace")


def _xlsx_rows(content: bytes) -> list[list[str]]:
    try:
        _refuse_bombs(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        page = book.worksheets[0]
        rows = page.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS, values_only=True)
        read = [[_text(value) for value in row] for row in rows]
        book.close()
    except _BROKEN as error:
        raise _unreadable("The file is no .xlsx that can be read.", "Save it again.") from error
    return read


# What openpyxl and its parsers raise for a file that is none of theirs.
_BROKEN: Final = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidFileException,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def _refuse_bombs(content: bytes) -> None:
    """Refuse what unfolds: too much packed away, or a document type, which OOXML forbids (ECMA-376
    part 2, 8.2.5) and which is where entities are defined."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if sum(one.file_size for one in parts) > LARGEST_UNPACKED_BYTES:
            raise _unreadable("Unpacked, the file is too large.", "Leave other pages out.")
        for one in parts:
            text = archive.read(one).upper()
            if any(
                "<!DOCTYPE".encode(code) in text for code in ("ascii", "utf-16-le", "utf-16-be")
            ):
                raise _unreadable("The file holds a document type.", "Save it again as .xlsx.")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)[:LONGEST_CELL]


def _under_headings(rows: Sequence[Sequence[str]]) -> list[SheetRow]:
    """The rows below the first one, which names the columns."""
    if not rows:
        raise _unreadable("The sheet has no rows.", "Fill in the template.")
    if len(rows) > MOST_ROWS + 1:
        raise _unreadable(
            f"The sheet has more than {MOST_ROWS} rows.", "Bring it in in several parts."
        )
    places = _places(rows[0])
    letters = {column: get_column_letter(place + 1) for column, place in places.items()}
    return [
        SheetRow(number, cells, letters)
        for number, row in enumerate(rows[1:], start=2)
        if any((cells := _cells(row, places)).values())
    ]


def _places(headings: Sequence[str]) -> dict[str, int]:
    """In which place of a row each column stands, counted from 0."""
    known = {_plain(column.title): column.id for column in COLUMNS}
    known |= {_plain(column.id): column.id for column in COLUMNS}
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        column = known.get(_plain(heading))
        if column is None and heading.strip():
            raise _unreadable(
                f"The heading “{heading.strip()[:60]}” in {get_column_letter(place + 1)}1 is not known.",
                "Name the columns as the template does, or delete that column.",
            )
        if column in places:
            raise _unreadable(
                f"The heading “{heading.strip()[:60]}” stands twice.", "Delete one of the columns."
            )
        if column is not None:
            places[column] = place
    for wanted in COLUMNS:
        if wanted.required and wanted.id not in places:
            raise _unreadable(
                f"There is no column “{wanted.title}”.",
                "The first row names the columns; the template shows how.",
            )
    return places


def _cells(row: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    return {
        column: _unquoted(_printable(row[place])).strip() if place < len(row) else ""
        for column, place in places.items()
    }


def _printable(text: str) -> str:
    return "".join(c for c in text if c == "\n" or c.isprintable())


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]+", " ", heading).strip().casefold()


def _quoted(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def as_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as CSV in UTF-8 with a mark, so that spreadsheet programs see the encoding."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.title for column in COLUMNS])
    for row in rows:
        writer.writerow([_quoted(row.get(column.id, "")) for column in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as XLSX: how each column is written as a note on its heading, the words on a second page."""
    book = Workbook()
    page: Any = book.active
    page.title = "Surgeons"
    for place, column in enumerate(COLUMNS, start=1):
        cell = page.cell(1, place, column.title)
        cell.font = Font(bold=True)
        example = f"\nSuch as: {column.example}" if column.example else ""
        cell.comment = Comment(f"{column.hint}{example}", "Margin", height=110, width=320)
        page.column_dimensions[get_column_letter(place)].width = max(14, len(column.title) + 4)
    for number, row in enumerate(rows, start=2):
        for place, column in enumerate(COLUMNS, start=1):
            cell = page.cell(number, place, row.get(column.id, ""))
            cell.data_type = "s"  # never a formula
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = "C2"
    _add_words(book.create_sheet("Words"))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _add_words(page: Any) -> None:
    """The words that cells are chosen from, one column for each list."""
    for place, (title, words) in enumerate(_words(), start=1):
        page.cell(1, place, title).font = Font(bold=True)
        page.column_dimensions[get_column_letter(place)].width = 42
        for number, word in enumerate(words, start=2):
            page.cell(number, place, word)


def _words() -> Iterator[tuple[str, list[str]]]:
    for title, kind in (
        ("Organs", "organ"),
        ("Subspecialties", "subspecialty"),
        ("Operations", "operation"),
        ("Capabilities", "capability"),
        ("Languages", "language"),
    ):
        yield title, list(titles_of(kind).values())
    yield "Tiers", [one.title for one in tiers().values()]
