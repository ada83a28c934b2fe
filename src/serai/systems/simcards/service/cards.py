"""The stock of cards: in and out as sheets."""

from uuid import UUID

from serai.runtime.postgres.database import Database
from serai.runtime.sheets import (
    BadCell,
    Column,
    ImportReport,
    Line,
    LineError,
    SheetRefused,
    read_sheet,
    repeated,
    write_sheet,
)
from serai.systems.simcards.numbering.cards import BadCard, parse_iccid, parse_imsi
from serai.systems.simcards.store import numbers as store

HEADING = ("iccid", "imsi", "msisdn", "batch", "added_at")
BATCH_CHARS_MAX = 60
EXPORT_MAX = 100_000
"""Cards of one export."""


def _iccid(text: str) -> str:
    try:
        return parse_iccid(text)
    except BadCard as error:
        raise BadCell(error.code, str(error)) from None


def _imsi(text: str) -> str:
    try:
        return parse_imsi(text)
    except BadCard as error:
        raise BadCell(error.code, str(error)) from None


def _batch(text: str) -> str:
    if len(text) > BATCH_CHARS_MAX or not text.isprintable():
        raise BadCell("bad_batch", f"A batch's name has at most {BATCH_CHARS_MAX} printable characters.")
    return text


COLUMNS = (Column("iccid", _iccid), Column("imsi", _imsi), Column("batch", _batch, required=False))
"""Of a sheet that is imported; one that was exported has a number and a time too, which are ours to say."""

_READ = (*COLUMNS, Column("msisdn", required=False), Column("added_at", required=False))


class Cards:
    """Reads and writes the stock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, tenant: UUID, raw: bytes, *, dry_run: bool) -> ImportReport:
        """Adds the sheet's cards to the stock, all or none; a dry run only says what would happen. BadSheet."""
        reading = read_sheet(raw, _READ)
        errors = [*reading.errors, *repeated(reading.lines, "iccid"), *repeated(reading.lines, "imsi")]
        async with self._database.transaction(tenant) as tx:
            iccids, imsis = await store.known_cards(
                tx, [line["iccid"] for line in reading.lines], [line["imsi"] for line in reading.lines]
            )
            errors += [error for line in reading.lines for error in _known(line, iccids, imsis)]
            if not errors and not dry_run:
                rows = [(line["iccid"], line["imsi"], line["batch"] or "") for line in reading.lines]
                if await store.insert_cards(tx, rows) != len(rows):
                    raise SheetRefused("Somebody loaded one of these cards at this moment; load the sheet again.")
        imported = 0 if errors else len(reading.lines)
        return ImportReport(dry_run, reading.counted, imported, tuple(sorted(errors, key=lambda each: each.line)))

    async def of_number(self, tenant: UUID, number: int) -> str | None:
        """The ICCID of the card that a number is on, if it is on one."""
        async with self._database.transaction(tenant) as tx:
            return await store.card_of(tx, number)

    async def sheet(self, tenant: UUID) -> str:
        """The stock as a sheet, in the order of ICCIDs, <= EXPORT_MAX cards."""
        async with self._database.transaction(tenant) as tx:
            found = await store.cards(tx, "", EXPORT_MAX)
        rows = [
            (iccid, imsi, str(number) if number else None, batch, added.isoformat(timespec="seconds"))
            for iccid, imsi, number, batch, added in found
        ]
        return write_sheet(HEADING, rows)


def _known(line: Line, iccids: set[str], imsis: set[str]) -> list[LineError]:
    found = []
    if line["iccid"] in iccids:
        found.append(LineError(line.number, "iccid", "known", "This card is in stock already."))
    if line["imsi"] in imsis:
        found.append(LineError(line.number, "imsi", "known", "Another card in stock has this IMSI."))
    return found
