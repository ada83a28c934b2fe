"""Mail: one way out, SMTP, whether the relay is the embedded mailbox or a real one; and the mailbox itself.

The mailbox accepts everything and delivers nothing: it keeps what was sent in a Maildir, which the console shows. So a
demo cannot write to strangers, and what a user would have received can be looked at.
"""

import asyncio
import mailbox
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib
from aiosmtpd.smtp import SMTP

SEND_S = 15.0
"""Deadline of one delivery to the relay."""

MESSAGE_BYTES_MAX = 10 * 1024 * 1024
"""Largest mail that the mailbox accepts."""

KEPT_MAX = 2_000
"""Mails that the mailbox keeps; the oldest go first."""

HEAD_BYTES = 16 * 1024
"""Of each mail in a list: its headers and the beginning of its text."""

_NAME = re.compile(r"(\d+)\.M(\d+)P\d+Q(\d+)\.")


class Mailer:
    """Sends by SMTP."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 25
        self._user, self._password = parts.username, parts.password
        self._tls = parts.scheme == "smtps"
        self.sender = sender

    async def send(self, message: EmailMessage) -> None:
        """Hands the mail to the relay, or raises: the job that sends it is tried again."""
        await aiosmtplib.send(
            message,
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._tls,
            start_tls=None,
            timeout=SEND_S,
        )


class _Keep:
    """aiosmtpd's handler: puts every mail into the Maildir."""

    def __init__(self, directory: Path) -> None:
        self._box = mailbox.Maildir(directory, create=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # aiosmtpd's name
        """Keeps a mail; the answer is the relay's promise, so the file is written before it is given."""
        await asyncio.to_thread(self._add, envelope.content)
        return "250 kept"

    def _add(self, content: bytes) -> None:
        self._box.add(content)
        surplus = len(self._box) - KEPT_MAX
        if surplus > 0:
            for key in sorted(self._box.keys(), key=_arrival)[:surplus]:
                self._box.discard(key)


async def serve_mailbox(directory: Path, sock: socket.socket, stop: asyncio.Event) -> None:
    """The embedded relay, on a socket that is bound already, until `stop`."""
    handler = _Keep(directory)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, data_size_limit=MESSAGE_BYTES_MAX, enable_SMTPUTF8=True), sock=sock
    )
    async with server:
        await stop.wait()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A kept mail, for the console."""

    key: str
    sender: str
    to: str
    subject: str
    at: datetime
    text: str
    html: str
    attachments: tuple[Attachment, ...]


class MailReader:
    """Reads what the mailbox keeps."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def newest(self, limit: int) -> Sequence[Mail]:
        """The newest mails first, as far as their first HEAD_BYTES tell: enough for a list, without attachments."""
        if not self._directory.exists():
            return []
        box = mailbox.Maildir(self._directory, create=False)
        keys = sorted(box.keys(), key=_arrival, reverse=True)[:limit]
        return [_parse(key, self._head(box, key)) for key in keys]

    @staticmethod
    def _head(box: mailbox.Maildir, key: str) -> bytes:
        with box.get_file(key) as file:
            return file.read(HEAD_BYTES)

    def get(self, key: str) -> Mail | None:
        """One mail."""
        if not self._directory.exists():
            return None
        box = mailbox.Maildir(self._directory, create=False)
        return _parse(key, box.get_bytes(key)) if key in box else None


def _arrival(key: str) -> tuple[int, ...]:
    """When a mail came, by its name: seconds, microseconds and a count, none of them padded."""
    match = _NAME.match(key)
    return tuple(int(number) for number in match.groups()) if match else (0,)


def _parse(key: str, raw: bytes) -> Mail:
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Mail(
        key=key,
        sender=str(message.get("From", "")),
        to=str(message.get("To", "")),
        subject=str(message.get("Subject", "")),
        at=datetime.fromtimestamp(_arrival(key)[0], UTC),
        text=_words(text) if text else "",
        html=_words(html) if html else "",
        attachments=tuple(_attachment(part) for part in message.iter_attachments()),
    )


def _words(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except LookupError:  # in a charset that nobody knows
        return _bytes(part).decode(errors="replace")


def _bytes(part: MIMEPart) -> bytes:
    """Its content; a part that contains others, such as a whole mail, as it was written."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else part.as_bytes()


def _attachment(part: EmailMessage) -> Attachment:
    return Attachment(part.get_filename() or "file", part.get_content_type(), _bytes(part))
