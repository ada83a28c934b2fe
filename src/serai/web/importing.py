"""A sheet that a person hands in: a dry run first, its problems line by line, and the import once it is confirmed.

The file travels in the confirming form itself, so nothing is kept on the server between the two, and what is imported
is what was looked at. The macros are in components/importing.html; the rules of sheets are in runtime.sheets.
"""

import base64
import binascii
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from serai.runtime.sheets import BadSheet, ImportReport

UPLOAD_BYTES_MAX = 1_400_000
"""Of a file: packed as text and sent again it must pass the limit of a request's body."""

NAME_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was chosen, or as it comes back with its confirmation."""

    name: str
    raw: bytes
    confirmed: bool = False
    attempt: str = ""

    @property
    def packed(self) -> str:
        """The file as a field of the confirming form."""
        return base64.urlsafe_b64encode(self.raw).decode()


@dataclass(frozen=True, slots=True)
class Importing:
    """What the page shows: nothing yet, a file that cannot be read (`refused`), or a report of its lines."""

    kind: str
    upload: Upload | None = None
    report: ImportReport | None = None
    refused: str = ""


async def read_upload(request: Request) -> Upload:
    """The file of the form: chosen (`sheet`), or confirmed (`file`, with its `name`). Raises BadSheet for none."""
    async with request.form() as form:
        sent = form.get("sheet")
        return await _chosen(sent) if isinstance(sent, UploadFile) else _confirmed(form)


async def _chosen(sent: UploadFile) -> Upload:
    raw = await sent.read(UPLOAD_BYTES_MAX + 1)
    if not raw:
        raise BadSheet("Choose a file that is not empty.")
    if len(raw) > UPLOAD_BYTES_MAX:
        raise BadSheet(f"The file is larger than {UPLOAD_BYTES_MAX // 1000} kB; split it, or import it by the API.")
    return Upload(_line(sent.filename or ""), raw)


def _confirmed(form: FormData) -> Upload:
    packed = form.get("file")
    if not isinstance(packed, str) or not packed:
        raise BadSheet("Choose a file first.")
    try:
        raw = base64.b64decode(packed, altchars=b"-_", validate=True)
    except binascii.Error:
        raise BadSheet("The file did not come back whole; choose it again.") from None
    return Upload(_line(str(form.get("name", ""))), raw, True, str(form.get("attempt", "")))


def _line(text: str) -> str:
    """A file's name as one line."""
    return "".join(char for char in text if char.isprintable()).strip()[:NAME_CHARS_MAX]
