"""The console's shell with every system in it: its navigation, its templates, and who is asking."""

from collections.abc import Sequence

from fastapi import Request

from serai.app.plan import port_of
from serai.runtime.settings import RuntimeSettings
from serai.runtime.system import System, World
from serai.systems.checkout.api import FOLDER as CHECKOUT
from serai.systems.identity.api import account_of, csrf_token, flashes_of
from serai.web.mailbox import HREF as MAILBOX
from serai.web.shell import NavEntry, Shell, SystemEntry

READ_MAIL = "console:mailbox"
"""The role that opens the mailbox where others than this machine's users reach the site: an owner's."""


def make_shell(world: World, systems: Sequence[System]) -> Shell:
    """The shell that draws the pages of these systems."""
    folders = {"checkout": CHECKOUT} | {system.name: system.folder for system in systems if system.folder}
    return Shell(
        clock=world.clock,
        csrf_token=csrf_token,
        account=account_of,
        flashes=flashes_of,
        allows=_allows,
        systems=[SystemEntry(one.name, one.title, one.home, one.icon) for one in systems if one.home],
        navigation=[*_own_entries(world.settings), *_entries_of(systems)],
        template_folders=[folder / "templates" for folder in folders.values()],
        static_folders={
            f"{name}/": folder / "static" for name, folder in folders.items() if (folder / "static").is_dir()
        },
    )


def has_mailbox(settings: RuntimeSettings) -> bool:
    """Whether mail goes to the embedded mailbox."""
    return settings.smtp_url in ("", f"smtp://127.0.0.1:{port_of(settings, 'mailbox')}")


def _allows(request: Request, role: str) -> bool:
    principal = getattr(request.state, "principal", None)
    return principal is not None and principal.may(role)


def _own_entries(settings: RuntimeSettings) -> list[NavEntry]:
    mailbox = [NavEntry("Mailbox", MAILBOX, "mail", role="" if settings.only_here else READ_MAIL)]
    return [
        NavEntry("Overview", "/", "layout-dashboard"),
        *(mailbox if has_mailbox(settings) else []),
        NavEntry("API", "/docs/api", "book-open"),
        NavEntry("Error codes", "/docs/errors", "circle-alert"),
    ]


def _entries_of(systems: Sequence[System]) -> list[NavEntry]:
    return [
        NavEntry(entry.title, entry.href, entry.icon, system.name, entry.role)
        for system in systems
        for entry in system.navigation
    ]
