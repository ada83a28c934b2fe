"""What the home page says of each system: its state and one live figure. Systems fill it in, the shell draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from serai.runtime.system import Figure

SPARK_WIDTH = 120.0
SPARK_HEIGHT = 36.0
_INSET = 3.0


class TileState(StrEnum):
    """How a system is."""

    READY = "ready"
    STARTING = "starting"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Tile:
    """A system as the home page shows it. `icon` is a name of the sprite; without `href` it has no page of its own."""

    system: str
    title: str
    sentence: str
    icon: str
    href: str
    state: TileState
    figure: Figure | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """One part of the platform below the systems: the database, the jobs, a gateway. `detail` is a few words."""

    title: str
    state: TileState
    detail: str
    icon: str


@dataclass(frozen=True, slots=True)
class Home:
    """All that the home page needs."""

    tiles: tuple[Tile, ...]
    health: tuple[Health, ...]

    def count(self, state: TileState) -> int:
        """How many systems are in `state`."""
        return sum(tile.state == state for tile in self.tiles)


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The SVG paths of a series in a box of SPARK_WIDTH x SPARK_HEIGHT, and where its last point stands."""

    line: str
    area: str
    end_x: float
    end_y: float


def sparkline(series: Sequence[float]) -> Sparkline | None:
    """The curve of `series`, scaled to its own span; None for fewer than two values, which draw no line.

    A flat series runs along the middle: neither "at the bottom" nor "at the top" would be true.
    """
    if len(series) < 2:
        return None
    low, high = min(series), max(series)
    span = high - low
    step = (SPARK_WIDTH - 2 * _INSET) / (len(series) - 1)
    room = SPARK_HEIGHT - 2 * _INSET
    points = [
        (_INSET + index * step, _INSET + room * (1 - (value - low) / span if span else 0.5))
        for index, value in enumerate(series)
    ]
    line = _smooth(points)
    end_x, end_y = points[-1]
    area = f"{line} L{end_x:.1f} {SPARK_HEIGHT:.1f} L{_INSET:.1f} {SPARK_HEIGHT:.1f} Z"
    return Sparkline(line, area, round(end_x, 1), round(end_y, 1))


def _smooth(points: Sequence[tuple[float, float]]) -> str:
    """A path through all points with level tangents at each: it never shows a peak that the data has not."""
    x, y = points[0]
    path = [f"M{x:.1f} {y:.1f}"]
    for next_x, next_y in points[1:]:
        middle = (x + next_x) / 2
        path.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    return " ".join(path)
