"""Posters for films that do not exist: one abstract motif each, in the film's own four colours, as a small SVG.

Made of shapes and the page's own font, so they are sharp at any size, weigh a few kilobytes and load nothing.
"""

from collections.abc import Callable, Iterator
from html import escape
from math import cos, pi, sin

from serai.systems.cinema.demo_data.chance import draw
from serai.systems.cinema.demo_data.movies import Movie

WIDTH, HEIGHT = 400, 600
TITLE_CHARS = 15
"""About as many letters as fit a line of the title."""

Colors = tuple[str, str, str, str]
Shapes = Iterator[str]


def poster_svg(movie: Movie) -> str:
    """The poster, 400 by 600, as a complete SVG element. Its ids start with the slug, so a page may hold many."""
    dark, mid, _, light = movie.colors
    shapes = "".join(MOTIFS[movie.motif](movie.colors, movie.slug))
    sky, fade, page = f"{movie.slug}-sky", f"{movie.slug}-fade", f"{movie.slug}-page"
    whole = f'width="{WIDTH}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Poster: {escape(movie.title)}"><defs>{_gradient(sky, (0, dark, 1), (1, mid, 1))}'
        f"{_gradient(fade, (0, dark, 0), (0.55, dark, 0.86), (1, dark, 1))}"
        f'<clipPath id="{page}"><rect {whole}/></clipPath></defs>'
        f'<g clip-path="url(#{page})"><rect {whole} fill="url(#{sky})"/>{shapes}'
        f'<rect y="360" width="{WIDTH}" height="240" fill="url(#{fade})"/></g>{_words(movie, light)}</svg>'
    )


def _gradient(name: str, *stops: tuple[float, str, float]) -> str:
    """A gradient from top to bottom: place, colour and opacity of each stop."""
    drawn = "".join(
        f'<stop offset="{at:g}" stop-color="{color}" stop-opacity="{alpha:g}"/>' for at, color, alpha in stops
    )
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{drawn}</linearGradient>'


def _words(movie: Movie, color: str) -> str:
    """The title at the foot, in as many lines as it needs, and a small line under it."""
    lines = _wrapped(movie.title)
    size = 38 if len(lines) <= 2 else 33
    top = 546 - (len(lines) - 1) * size * 1.08
    spans = "".join(
        f'<tspan x="32" y="{_n(top + place * size * 1.08)}">{escape(line)}</tspan>' for place, line in enumerate(lines)
    )
    font = "font-family=\"Inter,'Segoe UI',Helvetica,Arial,sans-serif\""
    genre = escape(movie.genre.upper())
    return (
        f'<g fill="{color}" {font}><text font-size="{size}" font-weight="700" letter-spacing="-.6">{spans}</text>'
        f'<text x="33" y="574" font-size="12.5" letter-spacing="2.2" opacity=".8">{genre}</text></g>'
    )


def _wrapped(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= TITLE_CHARS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _n(value: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def _circle(x: float, y: float, r: float, paint: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" {paint}/>'


def _rect(x: float, y: float, width: float, height: float, paint: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" {paint}/>'


def _path(d: str, paint: str) -> str:
    return f'<path d="{d}" {paint}/>'


def _fill(color: str, opacity: float = 1) -> str:
    return f'fill="{color}"' + (f' opacity="{_two(opacity)}"' if opacity < 1 else "")


def _stroke(color: str, width: float, opacity: float = 1) -> str:
    return f'fill="none" stroke="{color}" stroke-width="{_n(width)}"' + (
        f' opacity="{_two(opacity)}"' if opacity < 1 else ""
    )


def _two(value: float) -> str:
    return f"{value:.2f}".rstrip("0").lstrip("0")


def _dunes(c: Colors, slug: str) -> Shapes:
    yield _circle(270, 150, 62, _fill(c[3]))
    for place in range(5):
        y, lift = 250 + place * 52, 46 + draw(30, slug, place)
        flip = 1 if place % 2 else -1
        d = f"M-20 {y} C 90 {y - flip * lift} 150 {y + flip * lift} 240 {y} S 360 {y - flip * lift} 430 {y} V620 H-20 Z"
        yield _path(d, _fill((c[2], c[1])[place % 2], 0.9 - place * 0.06))


def _rails(c: Colors, slug: str) -> Shapes:
    yield _circle(200, 190, 92, _fill(c[2], 0.5))
    yield _circle(200, 190, 56, _fill(c[3]))
    for place in range(12):
        y = 206 + 2.4 * place**2.05
        half = 8 + (y - 190) * 0.62
        yield _rect(200 - half, y, 2 * half, 2 + place * 0.9, _fill(c[2], 0.65))
    yield _path("M196 190 L-20 620 H10 L200 190 Z M204 190 L420 620 H390 L200 190 Z", _fill(c[3], 0.9))
    for place in range(7):
        x = draw(400, slug, "snow", place)
        yield _circle(x, 30 + draw(140, slug, "fall", place), 2, _fill(c[3], 0.7))


def _orbits(c: Colors, slug: str) -> Shapes:
    for place in range(4):
        paint = f'{_stroke(c[3], 1.4, 0.55)} transform="rotate(-24 200 220)"'
        yield f'<ellipse cx="200" cy="220" rx="{70 + place * 48}" ry="{26 + place * 19}" {paint}/>'
    yield _circle(200, 220, 44, _fill(c[2]))
    for place in range(4):
        angle = draw(628, slug, place) / 100
        r = 70 + place * 48
        yield _circle(
            200 + r * cos(angle) * 0.92, 220 + r * sin(angle) * 0.5, 8 + 3 * place, _fill((c[3], c[2])[place % 2])
        )
    yield _path("M200 96 l26 66 -26 -14 -26 14 Z", _fill(c[3]))


def _honeycomb(c: Colors, slug: str) -> Shapes:
    side = 44.0
    for row in range(7):
        for column in range(6):
            x = column * side * 1.732 + (row % 2) * side * 0.866 - 20
            y = row * side * 1.5 - 10
            tone = draw(7, slug, row, column)
            corners = " ".join(
                f"{_n(x + (side - 4) * sin(pi / 3 * k))},{_n(y + (side - 4) * cos(pi / 3 * k))}" for k in range(6)
            )
            paint = _fill(c[2], 0.25 + tone * 0.11) if tone < 6 else _fill(c[3])
            yield f'<polygon points="{corners}" {paint}/>'


def _circuit(c: Colors, slug: str) -> Shapes:
    for place in range(15):
        x = 20 + place * 26
        turn, end = 60 + draw(150, slug, place), 260 + draw(160, slug, place, "end")
        shift = (draw(3, slug, place, "shift") - 1) * 26
        yield _path(f"M{x} -10 V{turn} L{x + shift} {turn + abs(shift)} V{end}", _stroke(c[2], 3, 0.4 + 0.04 * place))
        yield _circle(x + shift, end, 6, _fill(c[3] if place % 4 == 0 else c[2]))
    yield _circle(200, 215, 74, _fill(c[0], 0.92))
    yield _circle(200, 215, 74, _stroke(c[2], 3))
    yield _path("M160 215 a40 26 0 0 1 80 0 a40 26 0 0 1 -80 0 Z", _stroke(c[3], 4))
    yield _circle(200, 215, 13, _fill(c[3]))


def _windows(c: Colors, slug: str) -> Shapes:
    yield _circle(312, 92, 34, _fill(c[2], 0.7))
    for house in range(5):
        x, top = house * 84 - 12, 150 + draw(110, slug, house)
        yield _path(f"M{x} 620 V{top} l38 -34 38 34 V620 Z", _fill(c[1] if house % 2 else c[0], 0.96))
        for pane in range(10):
            left, y = x + 16 + (pane % 2) * 26, top + 18 + (pane // 2) * 46
            lit = draw(9, slug, house, pane) == 0 or (house, pane) == (2, 3)
            yield _rect(left, y, 16, 26, _fill(c[3]) if lit else _fill(c[2], 0.28))


def _waves(c: Colors, slug: str) -> Shapes:
    yield _circle(130, 160, 74, _fill(c[3], 0.95))
    for place in range(9):
        y, shift = 200 + place * 34, draw(60, slug, place)
        d = f"M{-80 + shift} {y} q 30 -26 60 0 t 60 0 t 60 0 t 60 0 t 60 0 t 60 0 t 60 0 t 60 0 t 60 0 V640 H-80 Z"
        yield _path(d, _fill((c[2], c[1])[place % 2], 0.55))


def _peaks(c: Colors, slug: str) -> Shapes:
    yield _circle(290, 130, 46, _fill(c[3], 0.9))
    for place, (tone, opacity) in enumerate(((c[2], 0.55), (c[2], 0.9), (c[1], 1.0), (c[0], 0.9))):
        base = 240 + place * 60
        points = [
            f"{x} {base - (70 if step % 2 else -10) - draw(60, slug, place, step)}"
            for step, x in enumerate(range(-20, 460, 60))
        ]
        yield _path(f"M-20 640 L{' L'.join(points)} L440 640 Z", _fill(tone, opacity))
    yield _path("M60 190 q22 -24 40 0 q18 -24 40 0 q-22 -10 -40 10 q-18 -20 -40 -10 Z", _fill(c[3]))


def _leaves(c: Colors, slug: str) -> Shapes:
    for place in range(15):
        angle = place * 24 + draw(12, slug, place)
        length = 150 + draw(80, slug, place, "length")
        belly, low, high = round(length * 0.28), round(length * 0.45), round(length * 0.55)
        d = f"M200 250 q {belly} {-high} 0 {-length} q {-belly} {low} 0 {length} Z"
        tone = (c[2], c[1], c[3])[place % 3]
        yield f'<g transform="rotate({angle} 200 250)">{_path(d, _fill(tone, 0.5))}</g>'
    yield _circle(200, 250, 38, _fill(c[3]))
    yield _circle(200, 250, 26, _fill(c[2]))


def _arches(c: Colors, slug: str) -> Shapes:
    yield _circle(200, 210, 118, _fill(c[3], 0.9))
    for place in range(9):
        y, half = 130 + place * 36, 150 - place * 6
        tone = (c[2], c[1])[place % 2]
        shift = draw(90, slug, place) - 45
        yield _path(
            f"M{200 + shift - half} {y + 60} a{half} {half * 0.52:.0f} 0 0 1 {2 * half} 0", _stroke(tone, 9, 0.92)
        )


def _moon(c: Colors, slug: str) -> Shapes:
    for place in range(26):
        paint = _fill(c[3], 0.4 + draw(6, slug, place) / 10)
        yield _circle(draw(400, slug, place, "x"), draw(330, slug, place, "y"), 1 + draw(3, slug, place, "r"), paint)
    yield _path("M262 70 a122 122 0 1 0 60 190 a100 100 0 1 1 -60 -190 Z", _fill(c[2]))
    yield _path("M-20 400 q50 -34 100 0 t100 0 t100 0 t100 0 t100 0 V620 H-20 Z", _fill(c[1]))
    yield _path("M150 352 h110 l-22 40 h-66 Z M206 250 V346 h62 Z M198 270 V346 h-44 Z", _fill(c[3]))


def _curtain(c: Colors, slug: str) -> Shapes:
    yield f'<ellipse cx="200" cy="400" rx="150" ry="34" {_fill(c[3], 0.9)}/>'
    yield _path("M200 -20 L70 400 H330 Z", _fill(c[3], 0.16))
    for place in range(5):
        swing = 30 + draw(16, slug, place)
        for side in (-1, 1):
            x = 200 + side * (204 - place * 31)
            edge = x + side * 34
            d = f"M{x} -10 C {x} 160 {x + side * swing} 300 {x + side * 24} 620 H{edge + side * 40} V-10 Z"
            yield _path(d, _fill((c[2], c[1])[place % 2], 0.97))
    yield _circle(200, 322, 17, _fill(c[0]))
    yield _path("M200 338 q30 10 24 66 h-48 q-6 -56 24 -66 Z", _fill(c[0]))


def _forest(c: Colors, slug: str) -> Shapes:
    yield _circle(200, 210, 104, _fill(c[2]))
    yield _circle(200, 210, 138, _stroke(c[2], 3, 0.5))
    for layer in range(3):
        for place in range(10):
            x = place * 46 - 10 + draw(24, slug, layer, place)
            y = 300 + layer * 62 - draw(70, slug, layer, place, "top")
            paint = _fill((c[1], c[0])[layer > 0], 0.8 + layer * 0.1)
            yield _path(f"M{x} {y} l26 74 h-12 l20 62 h-14 V620 h-40 V{y + 136} h-14 l20 -62 h-12 Z", paint)
    yield _path("M186 236 h28 v-30 l-14 -16 -14 16 Z M190 236 l-10 190 h8 l12 -190 12 190 h8 l-10 -190 Z", _fill(c[3]))


def _rings(c: Colors, slug: str) -> Shapes:
    for place in range(11):
        gap = draw(120, slug, place) + 60
        r = 34 + place * 17
        whole = 2 * pi * r
        dash = f'stroke-dasharray="{_n(whole * (360 - gap) / 360)} {_n(whole * gap / 360)}" stroke-linecap="round"'
        turn = f'transform="rotate({draw(360, slug, place, "turn")} 200 215)"'
        yield _circle(200, 215, r, f"{_stroke((c[2], c[3], c[1])[place % 3], 5, 0.85)} {dash} {turn}")
    yield _circle(200, 215, 15, _fill(c[3]))


def _clock(c: Colors, slug: str) -> Shapes:
    yield _circle(200, 210, 150, _fill(c[3]))
    yield _circle(200, 210, 150, _stroke(c[2], 12))
    for hour in range(60):
        length, width = (26, 7) if hour % 15 == 0 else (16, 4) if hour % 5 == 0 else (8, 1.5)
        paint = f'{_stroke(c[1], width)} transform="rotate({hour * 6} 200 210)"'
        yield _path(f"M200 76 v{length}", paint)
    # The hands lie at the foot of the dial: nobody is working.
    for hand in range(2):
        angle = 160 + hand * 38 + draw(12, slug, hand)
        yield _path(
            "M200 210 V116", f'{_stroke(c[0], 9 - hand * 3)} stroke-linecap="round" transform="rotate({angle} 200 210)"'
        )
    yield _circle(200, 210, 13, _fill(c[2]))


def _steam(c: Colors, slug: str) -> Shapes:
    yield _circle(200, 330, 168, _fill(c[2], 0.9))
    yield _path("M70 300 h260 a130 112 0 0 1 -260 0 Z", _fill(c[0]))
    yield f'<ellipse cx="200" cy="300" rx="130" ry="26" {_fill(c[3])}/>'
    yield f'<ellipse cx="200" cy="301" rx="112" ry="18" {_fill(c[1])}/>'
    for place in range(5):
        x, lift = 130 + place * 35, 24 + draw(20, slug, place)
        d = f"M{x} 262 c {-lift} -40 {lift} -70 0 -110 s {lift} -60 0 {-70 - draw(40, slug, place, 'end')}"
        yield _path(d, f'{_stroke(c[3], 6, 0.8)} stroke-linecap="round"')


MOTIFS: dict[str, Callable[[Colors, str], Shapes]] = {
    "arches": _arches,
    "circuit": _circuit,
    "clock": _clock,
    "curtain": _curtain,
    "dunes": _dunes,
    "forest": _forest,
    "honeycomb": _honeycomb,
    "leaves": _leaves,
    "moon": _moon,
    "orbits": _orbits,
    "peaks": _peaks,
    "rails": _rails,
    "rings": _rings,
    "steam": _steam,
    "waves": _waves,
    "windows": _windows,
}
"""What each motif draws; every film has one of its own."""
