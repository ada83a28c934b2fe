"""What a person sees of `serai up`: how the start goes on, a table when it serves, a line for what happens later."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from serai.app.lives import State
from serai.app.status import ChildStatus, Status

_STYLE = {
    State.READY: "green",
    State.DONE: "green",
    State.FAILED: "bold red",
    State.RESTARTING: "yellow",
    State.STARTING: "cyan",
}
_TOLD_LATER = {State.RESTARTING, State.FAILED}


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody of the demo who can sign in at once."""

    name: str
    password: str
    role: str


@dataclass
class Display:
    """Draws each status it is told of. On a terminal the start is a live table; elsewhere a line for each change."""

    console: Console
    sign_ins: Sequence[SignIn] = ()
    _live: Live | None = None
    _seen: dict[str, tuple[State, str]] = field(default_factory=dict)
    _served: bool = False

    def changed(self, status: Status) -> None:
        """Called at every change of any child."""
        if not self._served and self.console.is_terminal and status.state == "starting":
            self._draw(status)
        for child in status.children:
            before, self._seen[child.name] = self._seen.get(child.name), (child.state, child.detail)
            if self._live is None and before and before[0] is not child.state:
                self._tell(child)

    def serves(self, status: Status, data: str) -> None:
        """Called once, when the site is ready."""
        self._served = True
        self.close()
        self.console.print(children_table(status))
        if self.sign_ins:
            people = Table("sign in as", "password", "role", box=None, pad_edge=False)
            for one in self.sign_ins:
                people.add_row(one.name, one.password, one.role)
            self.console.print(people)
        self.console.print(f"\nSerai {status.version} serves at [bold]{status.url}[/bold]  (data: {data})")
        self.console.print("Ctrl-C to stop.")

    def close(self) -> None:
        """Ends the live table, which leaves no trace."""
        if self._live:
            self._live.stop()
            self._live = None

    def _draw(self, status: Status) -> None:
        if self._live is None:
            self._live = Live(console=self.console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(children_table(status, title="Serai is starting"), refresh=True)

    def _tell(self, child: ChildStatus) -> None:
        if self._served and child.state not in _TOLD_LATER | {State.READY}:
            return
        detail = f": {child.detail}" if child.detail else ""
        self.console.print(f"{child.name} {child.state}{detail}", style=_STYLE.get(child.state, "dim"), markup=False)


def children_table(status: Status, title: str = "") -> Table:
    """Name, URL and state of every child."""
    table = Table("name", "URL", "state", "", box=None, pad_edge=False, title=title or None, title_justify="left")
    for child in status.children:
        style = _STYLE.get(child.state, "dim")
        again = f"restarted {child.restarts}x" if child.restarts else ""
        table.add_row(child.name, child.url, f"[{style}]{child.state}[/{style}]", child.detail or again)
    return table
