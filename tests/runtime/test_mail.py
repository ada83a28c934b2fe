"""What is sent by SMTP is kept, bounded, and shown newest first, whatever strangers put into it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from serai.runtime import mail
from serai.runtime.mail import Mailer, MailReader, serve_mailbox


@contextlib.asynccontextmanager
async def mailbox_in(directory: Path) -> AsyncIterator[Mailer]:
    stop = asyncio.Event()
    sock = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(serve_mailbox(directory, sock, stop))
    yield Mailer(f"smtp://127.0.0.1:{sock.getsockname()[1]}", "Serai <tickets@serai.example>")
    stop.set()
    await serving


def letter(subject: str = "Ticket", text: str = "Seat 5") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "tickets@serai.example", "zoë@example.org", subject
    message.set_content(text)
    return message


async def test_a_mail_arrives_with_its_parts(tmp_path: Path) -> None:
    message = letter("Für Zoë", "Reihe 5 – Platz 座")
    message.add_alternative("<p>Platz 座</p>", subtype="html")
    message.add_attachment(b"%PDF\x00\xff", maintype="application", subtype="pdf", filename="ticket.pdf")
    reader = MailReader(tmp_path / "mail")
    assert reader.newest(10) == []
    async with mailbox_in(tmp_path / "mail") as mailer:
        await mailer.send(message)
    (kept,) = reader.newest(10)
    assert (kept.sender, kept.to, kept.subject) == ("tickets@serai.example", "zoë@example.org", "Für Zoë")
    assert abs((datetime.now(UTC) - kept.at).total_seconds()) < 60
    whole = reader.get(kept.key)
    assert whole and (whole.text.strip(), whole.html.strip()) == ("Reihe 5 – Platz 座", "<p>Platz 座</p>")
    assert [(one.name, one.content_type, one.content) for one in whole.attachments] == [
        ("ticket.pdf", "application/pdf", b"%PDF\x00\xff")
    ]
    assert reader.get("../secrets") is None


async def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "KEPT_MAX", 3)
    async with mailbox_in(tmp_path / "mail") as mailer:
        for number in range(5):
            await mailer.send(letter(str(number)))
    reader = MailReader(tmp_path / "mail")
    assert [kept.subject for kept in reader.newest(10)] == ["4", "3", "2"]
    assert [kept.subject for kept in reader.newest(2)] == ["4", "3"]


def placed(directory: Path, key: str, content: bytes) -> None:
    """A mail as the Maildir format names it: seconds, then microseconds that are not padded."""
    for name in ("new", "cur", "tmp"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "new" / key).write_bytes(content)


def test_mails_of_one_second_are_in_order(tmp_path: Path) -> None:
    for micro, count in ((7, 1), (89, 2), (1000, 3), (1000, 10)):
        placed(tmp_path, f"1795492920.M{micro}P1Q{count}.host", f"Subject: {count}\n\n".encode())
    placed(tmp_path, "999999999.M5P1Q9.host", b"Subject: 9\n\n")
    assert [kept.subject for kept in MailReader(tmp_path).newest(10)] == ["10", "3", "2", "1", "9"]


STRANGE = {
    "empty": b"",
    "no headers": b"\n\njust words",
    "a charset that is none": b"Content-Type: text/plain; charset=x-moon\n\nwords \xff",
    "bytes that are not the charset": b"Content-Type: text/plain; charset=utf-8\n\nwords \xff",
    "base64 that is none": b"Content-Transfer-Encoding: base64\n\n####",
    "a multipart without parts": b"Content-Type: multipart/mixed; boundary=x\n\n",
    "a mail in a mail": (
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nwords\n--x\n"
        b"Content-Type: message/rfc822\nContent-Disposition: attachment\n\nSubject: inner\n\nwords\n--x--\n"
    ),
    "an attachment with parts": (
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nwords\n--x\n"
        b"Content-Type: multipart/mixed; boundary=y\nContent-Disposition: attachment\n\n--y\n\nwords\n--y--\n--x--\n"
    ),
    "an address that is none": b"From: <<>>@@\nTo: ,,,\nSubject: =?x-moon?q?=FF?=\n\nwords",
    "a header that is no header": b"Subject\x00: x\nTo: \xff\xfe\n\nwords",
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE.keys())
def test_a_strange_mail_is_shown_and_hides_no_other(tmp_path: Path, content: bytes) -> None:
    placed(tmp_path, "1795492920.M1P1Q1.host", content)
    placed(tmp_path, "strange-name", content)
    placed(tmp_path, "1795492921.M1P1Q2.host", b"Subject: good\n\nwords")
    reader = MailReader(tmp_path)
    assert "good" in [kept.subject for kept in reader.newest(10)]
    strange = reader.get("1795492920.M1P1Q1.host")
    assert strange and all(isinstance(each.content, bytes) for each in strange.attachments)


async def test_what_cannot_be_delivered_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MESSAGE_BYTES_MAX", 1_000)
    async with mailbox_in(tmp_path / "mail") as mailer:
        with pytest.raises(aiosmtplib.SMTPException):
            await mailer.send(letter(text="x" * 2_000))
        await mailer.send(letter(text="x"))
    assert len(MailReader(tmp_path / "mail").newest(10)) == 1
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(aiosmtplib.SMTPException):
        await Mailer(f"smtp://127.0.0.1:{port}", "a@example.org").send(letter())
