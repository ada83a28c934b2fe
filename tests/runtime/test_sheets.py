"""Sheets are read whole or not at all, whoever made them, and none that we write runs in a spreadsheet."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.runtime.sheets import (
    BadCell,
    BadSheet,
    Column,
    ImportReport,
    Line,
    LineError,
    SheetLimits,
    SheetRefused,
    read_sheet,
    repeated,
    write_sheet,
    written_cell,
)


def a_count(text: str) -> int:
    if not text.isdecimal():
        raise BadCell("not_a_count", f"{text!r} is not a whole number.")
    return int(text)


COLUMNS = (Column("sku"), Column("count", a_count), Column("note", required=False))


def values(raw: bytes) -> list[dict[str, object]]:
    reading = read_sheet(raw, COLUMNS)
    assert reading.errors == ()
    return [dict(line.values) for line in reading.lines]


@pytest.mark.parametrize(
    ("raw", "encoding", "delimiter"),
    [
        ("sku,count,note\nä1,2,Größe\n".encode(), "utf-8", ","),
        ("sku,count,note\r\nä1,2,Größe\r\n".encode("utf-8-sig"), "utf-8", ","),
        ("SKU;Count;Note\rä1;2;Größe\r".encode("utf-16"), "utf-16", ";"),
        ("sku\tcount\tnote\nä1\t2\tGröße".encode("cp1252"), "cp1252", "\t"),
        ('\n\nnote,count,sku\n"Größe",2, ä1 \n,,\n'.encode(), "utf-8", ","),
    ],
)
def test_what_spreadsheets_save_is_read(raw: bytes, encoding: str, delimiter: str) -> None:
    reading = read_sheet(raw, COLUMNS)
    assert (reading.encoding, reading.delimiter, reading.errors) == (encoding, delimiter, ())
    assert [dict(line.values) for line in reading.lines] == [{"sku": "ä1", "count": 2, "note": "Größe"}]


def test_each_bad_cell_is_named_by_its_line_in_an_editor() -> None:
    raw = b'sku,count,note\na,1,"two\nlines"\n,2,\nc,many,x\n\nd,4\ne,5,fine\n'
    reading = read_sheet(raw, COLUMNS)
    assert [line.number for line in reading.lines] == [2, 8]
    assert [(error.line, error.column, error.code) for error in reading.errors] == [
        (4, "sku", "empty"),
        (5, "count", "not_a_count"),
        (7, "", "cell_count"),
    ]
    assert reading.counted == 5
    assert reading.errors[1].field_error().field == "lines[5].count"
    assert reading.errors[2].field_error().field == "lines[7]"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "lacks the column 'sku'"),
        (b"sku\na\n", "lacks the column 'count'"),
        (b"sku,count,colour\n", "'colour' that is not known"),
        (b"sku,count,sku\n", "twice"),
        (b"sku,count\na\x00,1\n", "NUL"),
        (b"sku,count\n\x81\x8d,1\n", "neither UTF-8 nor Windows-1252"),
        (b"\xff\xfes\x00k\xd8", "says that it is utf-16"),
        (b'sku,count\n"a"b,1\n', "not well-formed"),
        (b"sku,count\n" + b"a,1\n" * 20, "more than 10 lines"),
        (b"sku,count\n" + b"a" * 300, "at most 200"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_whole(raw: bytes, says: str) -> None:
    with pytest.raises(BadSheet, match=says):
        read_sheet(raw, COLUMNS, SheetLimits(bytes_max=200, lines_max=10))


def test_a_cell_has_its_limit() -> None:
    reading = read_sheet(b"sku,count\n" + b"a" * 40 + b",1\n", COLUMNS, SheetLimits(cell_chars_max=30))
    assert [(error.line, error.column, error.code) for error in reading.errors] == [(2, "sku", "too_long")]


def test_optional_columns_may_be_absent_or_empty() -> None:
    assert values(b"sku,count\na,1\n") == [{"sku": "a", "count": 1, "note": None}]
    assert values(b"sku,count,note\na,1,\n") == [{"sku": "a", "count": 1, "note": None}]


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://evil.example";"x")', "+1", "-1", "@SUM(1)", "\t=1", "＝1", "\r=1"]
)
def test_no_spreadsheet_runs_a_text_of_ours(text: str) -> None:
    (row,) = list(csv.reader(io.StringIO(write_sheet(["sku"], [[text]]), newline="")))[1:]
    assert row == [f"'{text}"]


def test_numbers_are_not_guarded_and_nothing_is_an_empty_cell() -> None:
    assert write_sheet(["a", "b", "c"], [[-1, None, 2.5]]) == "a,b,c\r\n-1,,2.5\r\n"
    assert written_cell("harmless - really") == "harmless - really"


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["C"]), max_size=20), st.integers(0, 10**6))))
def test_what_was_written_reads_back(rows: list[tuple[str, int]]) -> None:
    raw = write_sheet(["note", "count", "sku"], [(text, count, "x") for text, count in rows]).encode()
    expected = [(text.strip() or None, count) for text, count in rows]
    # An apostrophe that stood before a formula is taken for our own guard: the one text that does not survive.
    expected = [(text[1:] if text and text[0] == "'" and written_cell(text[1:]) == text else text, count)
                for text, count in expected]  # fmt: skip
    assert [(line["note"], line["count"]) for line in read_sheet(raw, COLUMNS).lines] == expected


def test_a_value_that_stands_twice_is_named() -> None:
    lines = [Line(2, {"sku": "a"}), Line(3, {"sku": None}), Line(4, {"sku": "a"}), Line(5, {"sku": None})]
    assert repeated(lines, "sku") == [LineError(4, "sku", "repeated", "Line 2 has the same sku.")]


def test_a_report_names_the_first_errors_and_counts_all() -> None:
    errors = tuple(LineError(line, "sku", "unknown", "No such thing.") for line in range(2, 12))
    report = ImportReport(True, 12, 0, errors, SheetLimits(errors_max=3))
    assert (report.json()["error_count"], len(report.json()["errors"])) == (10, 3)
    with pytest.raises(SheetRefused) as refusal:
        report.refuse()
    assert [error.field for error in refusal.value.errors] == ["lines[2].sku", "lines[3].sku", "lines[4].sku"]
    ImportReport(False, 2, 2).refuse()
