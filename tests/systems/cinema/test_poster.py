from xml.etree import ElementTree

import pytest

from serai.systems.cinema.demo_data import poster_svg
from serai.systems.cinema.demo_data.movies import MOVIES
from serai.systems.cinema.poster import drawn, plain


@pytest.mark.parametrize("movie", MOVIES, ids=lambda movie: movie.slug)
def test_a_poster_brings_the_letters_of_its_title_and_stays_small(movie):
    picture = drawn(poster_svg(movie))
    ElementTree.fromstring(picture.content)
    assert b"@font-face" in picture.content and len(picture.content) < 40_000


def test_the_same_poster_has_the_same_name_and_another_one_another():
    first, second = plain("The Long Harvest"), plain("Kestrel Season")
    assert drawn(first).etag == drawn(first).etag != drawn(second).etag


@pytest.mark.parametrize("title", ["", "A", "<script>&", "Donaudampfschifffahrtsgesellschaft", "日本の夜 " * 9])
def test_a_movie_without_a_poster_gets_a_plain_one(title):
    ElementTree.fromstring(drawn(plain(title)).content)


def test_a_picture_without_words_is_left_alone():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
    assert drawn(svg).content.decode() == svg
