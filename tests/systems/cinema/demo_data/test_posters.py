"""Posters are well-formed, small, their own, and load nothing."""

import re
from xml.etree import ElementTree

import pytest

from serai.systems.cinema.demo_data import MOVIES, Movie, poster_svg
from serai.systems.cinema.demo_data.posters import MOTIFS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("movie", MOVIES, ids=lambda movie: movie.slug)
def test_a_poster_is_a_small_svg_that_names_its_film(movie: Movie) -> None:
    svg = poster_svg(movie)
    root = ElementTree.fromstring(svg)
    assert (root.tag, root.get("viewBox"), root.get("aria-label")) == (
        f"{SVG}svg",
        "0 0 400 600",
        f"Poster: {movie.title}",
    )
    assert " ".join("".join(span.itertext()) for span in root.iter(f"{SVG}tspan")) == movie.title
    assert len(svg) < 10_000
    assert svg == poster_svg(movie)
    allowed = "svg defs linearGradient stop clipPath rect g path circle ellipse polygon text tspan"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= set(allowed.split())


@pytest.mark.parametrize("movie", MOVIES, ids=lambda movie: movie.slug)
def test_the_title_is_readable_on_its_ground(movie: Movie) -> None:
    def luminance(color: str) -> float:
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = luminance(movie.colors[0]), luminance(movie.colors[3])
    assert (light + 0.05) / (dark + 0.05) >= 7


def test_every_film_has_a_poster_of_its_own() -> None:
    assert {movie.motif for movie in MOVIES} == set(MOTIFS)
    assert len({movie.colors for movie in MOVIES}) == len(MOVIES)


def test_ids_do_not_clash_on_a_page_of_posters() -> None:
    ids = [name for movie in MOVIES for name in re.findall(r' id="([^"]+)"', poster_svg(movie))]
    assert len(ids) == len(set(ids)) == 3 * len(MOVIES)


def test_films_read_like_films() -> None:
    assert len({movie.slug for movie in MOVIES}) == len({movie.title for movie in MOVIES}) == 16
    for movie in MOVIES:
        assert 85 <= movie.duration_min <= 140
        assert 60 <= len(movie.synopsis) <= 140
        assert re.fullmatch(r"\d+\+", movie.rating)
