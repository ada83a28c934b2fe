"""Sixteen films that do not exist."""

from dataclasses import dataclass
from uuid import UUID

from serai.systems.cinema.demo_data.chance import demo_id


@dataclass(frozen=True, slots=True)
class Movie:
    """A film. `rating` is the youngest age admitted, as it is printed; `colors` are its poster's, dark to light."""

    slug: str
    title: str
    synopsis: str
    duration_min: int
    genre: str
    rating: str
    motif: str
    colors: tuple[str, str, str, str]

    @property
    def id(self) -> UUID:
        """Its id, derived from its slug."""
        return demo_id("movie", self.slug)


MOVIES: tuple[Movie, ...] = (
    Movie(
        "salt-cartographers",
        "The Salt Cartographers",
        "Two rival surveyors are sent to map a desert that moves. The only reliable landmark is each other.",
        128,
        "Adventure",
        "12+",
        "dunes",
        ("#3b1f2b", "#a4463c", "#e08e45", "#f8e3b8"),
    ),
    Movie(
        "last-train-from-ostermoor",
        "Last Train from Ostermoor",
        "On its final night a branch line carries eleven passengers, one stolen painting and a conductor who knows.",
        112,
        "Mystery",
        "12+",
        "rails",
        ("#0f1c2e", "#27496d", "#8fb3c9", "#f4e9cd"),
    ),
    Movie(
        "paper-astronauts",
        "Paper Astronauts",
        "A school in a mining town builds a rocket from what the mine left behind. The council would like a word.",
        98,
        "Family",
        "0+",
        "orbits",
        ("#1b1f4b", "#4f4fb0", "#f2a65a", "#fdf1dc"),
    ),
    Movie(
        "beekeeper-of-vell",
        "The Beekeeper of Vell",
        "When the bees of a mountain valley stop dancing, an old beekeeper walks down to the city to ask why.",
        104,
        "Drama",
        "6+",
        "honeycomb",
        ("#2f2410", "#8a5a13", "#e7a71b", "#fff1c1"),
    ),
    Movie(
        "quiet-machines",
        "Quiet Machines",
        "The night shift of a fully automatic factory is one man, until the machines begin to leave him notes.",
        117,
        "Science fiction",
        "12+",
        "circuit",
        ("#0b1d1f", "#14505a", "#3fb8af", "#d9fff5"),
    ),
    Movie(
        "census-of-ghosts",
        "A Census of Ghosts",
        "A clerk is ordered to count everybody in an empty village, and the numbers refuse to come out at zero.",
        109,
        "Horror",
        "16+",
        "windows",
        ("#0d0d12", "#26263a", "#5f5f86", "#f3d36b"),
    ),
    Movie(
        "tidewater-waltz",
        "Tidewater Waltz",
        "A ferry captain and a piano tuner share a harbour, a rumour and eleven minutes between two tides.",
        121,
        "Romance",
        "6+",
        "waves",
        ("#10253f", "#1f5f8b", "#6fb7c9", "#ffe0cf"),
    ),
    Movie(
        "kestrel-season",
        "Kestrel Season",
        "A cyclist past her best rides one last mountain race as a helper, and finds that the leader cannot win it.",
        115,
        "Sport",
        "6+",
        "peaks",
        ("#1d2b2a", "#3f6b5c", "#9cc69b", "#f6efd8"),
    ),
    Movie(
        "glass-orchard",
        "The Glass Orchard",
        "Three sisters inherit a greenhouse of impossible fruit and the forty-year-old quarrel that waters it.",
        134,
        "Drama",
        "12+",
        "leaves",
        ("#1a2a1d", "#3c6e47", "#c4d67c", "#fdf4e3"),
    ),
    Movie(
        "nine-bridges-home",
        "Nine Bridges Home",
        "A courier has one night to cross a city whose bridges open one after the other, and never the same way twice.",
        101,
        "Thriller",
        "12+",
        "arches",
        ("#1f1235", "#5a2a6b", "#d65d7a", "#ffe3d3"),
    ),
    Movie(
        "captain-marrow",
        "Captain Marrow and the Moon Thieves",
        "The moon is gone, the tides are on strike, and the only ship that still sails belongs to a very small pirate.",
        92,
        "Animation",
        "0+",
        "moon",
        ("#14213d", "#2a4d8f", "#f2c14e", "#fff6dc"),
    ),
    Movie(
        "understudys-alibi",
        "The Understudy's Alibi",
        "Six hundred people saw her on the stage at nine o'clock. The detective is certain that she was not there.",
        118,
        "Crime",
        "12+",
        "curtain",
        ("#2b0a12", "#7a1526", "#c8374a", "#fbe6d4"),
    ),
    Movie(
        "ember-and-pine",
        "Ember & Pine",
        "A fire lookout and a voice on the radio keep each other awake through the driest summer on record.",
        106,
        "Romance",
        "6+",
        "forest",
        ("#1c1a17", "#5a3320", "#e2703a", "#ffe9c7"),
    ),
    Movie(
        "low-orbit-lullaby",
        "Low Orbit Lullaby",
        "Her daughter is born while she is on the station. She has ninety minutes for every night on Earth.",
        124,
        "Science fiction",
        "6+",
        "rings",
        ("#0a0f24", "#303a7a", "#9d8df1", "#f6e7ff"),
    ),
    Movie(
        "clockmakers-strike",
        "The Clockmakers' Strike",
        "In 1893 the makers of the city's clocks stop work, and for one week nobody can prove that anybody is late.",
        131,
        "Comedy",
        "6+",
        "clock",
        ("#22201c", "#5d4b2f", "#c9a24b", "#f7efdb"),
    ),
    Movie(
        "saffron-hour",
        "Saffron Hour",
        "A cook wins back her grandmother's restaurant one dish at a time, from the man who taught her to cook.",
        113,
        "Comedy",
        "0+",
        "steam",
        ("#33140f", "#9c3d1f", "#f08a24", "#fff0d0"),
    ),
)
