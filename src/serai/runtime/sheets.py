"""Sheets: CSV files that people make in spreadsheet programs, read whole or not at all, and written so that none runs.

It prevents four failures: half an import (a sheet with one bad line changes nothing, and says which lines are bad), a
file that is taken for what it is not (its encoding and its delimiter are found out, not assumed), a file that fills the
memory, and a cell of ours that a spreadsheet runs as a formula (OWASP, CSV injection).

A system says which columns it takes and how a cell is read; everything else is here. An import is: `read_sheet`, the
system's own checks of the lines against its tables (each gives a `LineError`), and an `ImportReport`. A dry run is the
same without the last step.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serai.kernel.errors import FieldError, Invalid

Read = Callable[[str], object]
"""Reads a cell, stripped of blanks around it and never empty; raises BadCell."""

GUARD = "'"
"""Put before a cell that a spreadsheet would run. It shows such a cell as text, without the apostrophe."""

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_DELIMITERS = (",", ";", "\t")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENDING = "\r\n"


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """How much of a file is read at all."""

    bytes_max: int = 16 * 1024 * 1024
    lines_max: int = 100_000
    cell_chars_max: int = 1_000
    errors_max: int = 100
    """Errors that are named; the rest is counted."""


DEFAULT_LIMITS = SheetLimits()


class BadCell(ValueError):
    """A cell that cannot be read as its column wants: `code` is stable, the message a sentence for who made it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadSheet(Invalid):
    """The file as a whole is no sheet that can be read: its size, its encoding, or its heading."""

    code = "bad_sheet"
    title = "The sheet cannot be read"


class SheetRefused(Invalid):
    """Lines of the sheet are wrong; nothing was imported."""

    code = "sheet_refused"
    title = "Some lines of the sheet are wrong"


def text_cell(text: str) -> str:
    """The cell as it is."""
    return text


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet, known by its heading in any case."""

    name: str
    read: Read = text_cell
    required: bool = True
    """Whether each line must have something in it. Otherwise the column may be absent, and an empty cell is None."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number as an editor shows it (the heading is line 1), and its values by column."""

    number: int
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one cell, or with a whole line where `column` is empty."""

    line: int
    column: str
    code: str
    message: str

    def field_error(self) -> FieldError:
        """As problem documents show it: the field is `lines[7].iccid`."""
        place = f"lines[{self.line}]"
        return FieldError(f"{place}.{self.column}" if self.column else place, self.code, self.message)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: its good lines and the errors of the others, both in the file's order."""

    lines: tuple[Line, ...]
    errors: tuple[LineError, ...]
    counted: int
    """Lines in all, without the heading and empty ones."""
    encoding: str
    delimiter: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did or, as a dry run, would do. With errors it did nothing."""

    dry_run: bool
    lines: int
    imported: int
    errors: tuple[LineError, ...] = ()
    limits: SheetLimits = field(default=DEFAULT_LIMITS, repr=False)

    def json(self) -> dict[str, Any]:
        """As an answer shows it; the first `errors_max` errors and how many there are."""
        return {
            "dry_run": self.dry_run,
            "lines": self.lines,
            "imported": self.imported,
            "error_count": len(self.errors),
            "errors": [
                {"line": error.line, "column": error.column, "code": error.code, "message": error.message}
                for error in self.errors[: self.limits.errors_max]
            ],
        }

    def refuse(self) -> None:
        """Raises SheetRefused if any line is wrong, naming the first of them."""
        if self.errors:
            first = self.errors[0]
            raise SheetRefused(
                f"{len(self.errors)} errors; the first is in line {first.line}: {first.message} Nothing was imported.",
                errors=tuple(error.field_error() for error in self.errors[: self.limits.errors_max]),
            )


def read_sheet(raw: bytes, columns: Sequence[Column], limits: SheetLimits = DEFAULT_LIMITS) -> Reading:
    """The lines of a file: UTF-8, UTF-16 with a mark, else Windows-1252; commas, semicolons or tabs; any line ends.

    Raises BadSheet for a file that is too large, no text, or lacks a required column or has one that nobody knows.
    """
    text, encoding = _decoded(raw, limits)
    delimiter = _delimiter(text)
    rows = _rows(text, delimiter, limits)
    try:
        _, heading = next(rows, (0, []))
        places = _places(heading, columns)
        lines, errors, counted = _read_rows(rows, columns, places, limits)
    except csv.Error as error:
        raise BadSheet(f"The file is not well-formed CSV: {error}.") from error
    return Reading(tuple(lines), tuple(errors), counted, encoding, delimiter)


def repeated(lines: Iterable[Line], column: str) -> list[LineError]:
    """An error for each line whose value in the column stands in an earlier line already; None is no value."""
    first_in: dict[Any, int] = {}
    errors = []
    for line in lines:
        value = line[column]
        if value is None:
            continue
        first = first_in.setdefault(value, line.number)
        if first != line.number:
            errors.append(LineError(line.number, column, "repeated", f"Line {first} has the same {column}."))
    return errors


def write_sheet(heading: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ",") -> str:
    """CSV text with CRLF line ends (RFC 4180); texts that a spreadsheet would run get an apostrophe before them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=_ENDING, delimiter=delimiter)
    writer.writerow(heading)
    for row in rows:
        writer.writerow([written_cell(value) for value in row])
    return out.getvalue()


def written_cell(value: object) -> str:
    """A cell's text. Only texts are guarded: a number of ours cannot be a formula; None is an empty cell."""
    if value is None:
        return ""
    text = str(value)
    return f"{GUARD}{text}" if isinstance(value, str) and text.startswith(_RUNS) else text


def _unguarded(text: str) -> str:
    """The cell without the apostrophe that an export of ours put before it."""
    return text[1:] if text.startswith(GUARD) and text[1:].startswith(_RUNS) else text


def _decoded(raw: bytes, limits: SheetLimits) -> tuple[str, str]:
    if len(raw) > limits.bytes_max:
        raise BadSheet(f"The file has {len(raw)} bytes; at most {limits.bytes_max} are read. Split it.")
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise BadSheet(f"The file says that it is {encoding} and is not; save it as UTF-8.") from None
        encoding = "cp1252"
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            raise BadSheet("The file is neither UTF-8 nor Windows-1252 text; save it as CSV in UTF-8.") from None
    if "\0" in text:
        raise BadSheet("The file is no text: it has NUL characters. Save it as CSV in UTF-8.")
    return text, encoding.removesuffix("-sig")


def _delimiter(text: str) -> str:
    """The one that the heading has most of; a comma if it has none."""
    heading = text.lstrip("\r\n").partition("\n")[0]
    return max(_DELIMITERS, key=heading.count)


def _rows(text: str, delimiter: str, limits: SheetLimits) -> Iterator[tuple[int, list[str]]]:
    """(first line's number, cells) of each line that is not empty; quoted cells may hold line ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    for cells in reader:
        number, before = before + 1, reader.line_num
        if any(cell.strip() for cell in cells):
            yield number, cells
        if before > limits.lines_max:
            raise BadSheet(f"The file has more than {limits.lines_max} lines; split it.")


def _places(heading: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """Where each column stands."""
    names = [cell.strip().lower() for cell in heading]
    known = {column.name for column in columns}
    wanted = ", ".join(column.name for column in columns)
    if strange := [name for name in names if name not in known]:
        raise BadSheet(f"The heading has a column {strange[0][:40]!r} that is not known; the columns are: {wanted}.")
    if len(set(names)) != len(names):
        raise BadSheet("The heading names a column twice.")
    if missing := [column.name for column in columns if column.required and column.name not in names]:
        raise BadSheet(f"The heading lacks the column {missing[0]!r}; the columns are: {wanted}.")
    return {name: place for place, name in enumerate(names)}


def _read_rows(
    rows: Iterable[tuple[int, list[str]]], columns: Sequence[Column], places: Mapping[str, int], limits: SheetLimits
) -> tuple[list[Line], list[LineError], int]:
    lines: list[Line] = []
    errors: list[LineError] = []
    counted = 0
    for number, cells in rows:
        counted += 1
        if len(cells) != len(places):
            message = f"The line has {len(cells)} cells and the heading {len(places)}."
            errors.append(LineError(number, "", "cell_count", message))
            continue
        values, wrong = _read_cells(number, cells, columns, places, limits)
        errors += wrong
        if not wrong:
            lines.append(Line(number, values))
    return lines, errors, counted


def _read_cells(
    number: int, cells: Sequence[str], columns: Sequence[Column], places: Mapping[str, int], limits: SheetLimits
) -> tuple[dict[str, Any], list[LineError]]:
    values: dict[str, Any] = {}
    errors = []
    for column in columns:
        text = _unguarded(cells[places[column.name]].strip()) if column.name in places else ""
        try:
            values[column.name] = _read_cell(text, column, limits)
        except BadCell as error:
            errors.append(LineError(number, column.name, error.code, str(error)))
    return values, errors


def _read_cell(text: str, column: Column, limits: SheetLimits) -> object:
    if len(text) > limits.cell_chars_max:
        raise BadCell("too_long", f"The cell has {len(text)} characters; at most {limits.cell_chars_max} fit.")
    if text:
        return column.read(text)
    if column.required:
        raise BadCell("empty", f"The column {column.name} may not be empty.")
    return None
