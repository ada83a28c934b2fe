"""Believable cinemas for `serai up`: houses in four cities, invented films with posters, and a fortnight of shows.

Everything is derived from names and dates, so a daily job that asks again gets the same shows with the same ids for
the days it has, and new ones for the day that came into view.
"""

from serai.systems.cinema.demo_data.houses import CITIES, City, Screen, Theater
from serai.systems.cinema.demo_data.movies import MOVIES, Movie
from serai.systems.cinema.demo_data.posters import poster_svg
from serai.systems.cinema.demo_data.programme import Programme, Show, programme

__all__ = ["CITIES", "MOVIES", "City", "Movie", "Programme", "Screen", "Show", "Theater", "poster_svg", "programme"]
