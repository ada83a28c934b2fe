"""The mailbox's pages: what the embedded relay keeps instead of delivering it."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from serai.kernel.errors import NotFound
from serai.runtime.mail import Attachment, Mail, MailReader
from serai.web.shell import Shell

HREF = "/mailbox"

SHOWN_MAX = 40
"""Mails in the list; older ones are found by their address only."""

PREVIEW_CHARS = 140


class NoSuchMail(NotFound):
    """The mailbox has no such mail; it keeps only the newest ones."""

    code = "mail_not_found"


class MailboxPages:
    """/mailbox and what it shows inside."""

    def __init__(self, shell: Shell, reader: MailReader) -> None:
        self._shell = shell
        self._reader = reader

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route(HREF, self.show, methods=["GET"])
        pages.add_api_route(HREF + "/{key}/body", self.body, methods=["GET"])
        pages.add_api_route(HREF + "/{key}/{number}", self.attachment, methods=["GET"])

    async def show(self, request: Request, mail: str = "") -> Response:
        """The newest mails, and the one that is open; a wide window opens the newest by itself."""
        newest = await asyncio.to_thread(self._reader.newest, SHOWN_MAX)
        opened = await self._get(mail) if mail else None
        return self._shell.render(
            request,
            "mailbox.html",
            mails=[_line(one) for one in newest],
            mail=_open(opened) if opened else None,
            previous=None,
            next=None,
            mailbox_href=HREF,
        )

    async def body(self, key: str) -> Response:
        """A mail's HTML, for the sandboxed frame."""
        return self._shell.foreign_html((await self._get(key)).html)

    async def attachment(self, key: str, number: int) -> Response:
        """A mail's attachment, as a download: nothing that somebody sent is shown as a page of ours."""
        parts = (await self._get(key)).attachments
        if not 1 <= number <= len(parts):
            raise NoSuchMail(f"This mail has no attachment {number}.")
        part = parts[number - 1]
        safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in part.name)
        disposition = {"content-disposition": f'attachment; filename="{safe}"'}
        return Response(part.content, media_type=part.content_type, headers=disposition)

    async def _get(self, key: str) -> Mail:
        found = await asyncio.to_thread(self._reader.get, key)
        if found is None:
            raise NoSuchMail("The mailbox has no such mail; it may have made room for newer ones.")
        return found


def _line(mail: Mail) -> dict[str, Any]:
    return {
        "id": mail.key,
        "sender": mail.sender,
        "recipients": [mail.to],
        "subject": mail.subject,
        "preview": " ".join(mail.text.split())[:PREVIEW_CHARS],
        "at": mail.at,
        "href": f"{HREF}?mail={mail.key}",
    }


def _open(mail: Mail) -> dict[str, Any]:
    return _line(mail) | {
        "html_href": f"{HREF}/{mail.key}/body" if mail.html else None,
        "text": mail.text,
        "attachments": [_part(mail, number, part) for number, part in enumerate(mail.attachments, 1)],
    }


def _part(mail: Mail, number: int, part: Attachment) -> dict[str, Any]:
    return {
        "name": part.name,
        "size": f"{max(1, len(part.content) // 1024)} KB",
        "media_type": part.content_type,
        "href": f"{HREF}/{mail.key}/{number}",
    }
