"""The chain: a depot, four shops, and what they keep. GTINs begin with 2, which GS1 leaves to shops themselves."""

from dataclasses import dataclass

from serai.systems.stock.barcodes import check_digit


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of the chain; `pull` is how much it sells beside the others, in percent."""

    code: str
    name: str
    kind: str
    address: str
    pull: int = 0
    backorders_max: int = 0


@dataclass(frozen=True, slots=True)
class Good:
    """Something the chain sells: about `a_day` in a shop; `winter` percent of that in December, the less in June."""

    sku: str
    name: str
    category: str
    cost: int
    a_day: float
    winter: int = 100
    unit: str = "piece"
    decimals: int = 0
    shelf_days: int = 0
    """How long a batch lasts; 0: no batches."""

    @property
    def gtin(self) -> str:
        """13 digits, from the SKU's number."""
        body = "20" + self.sku.rpartition("-")[2].zfill(10)
        return f"{body}{check_digit(body)}"


PLACES = (
    Spot("DEPOT", "Harbour depot", "warehouse", "Dock 4, Bremen"),
    Spot("HB-MARKT", "Bremen Marktplatz", "store", "Am Markt 11, Bremen", 130),
    Spot("HB-NEUST", "Bremen Neustadt", "store", "Pappelstrasse 70, Bremen", 80),
    Spot("OL-INNEN", "Oldenburg Innenstadt", "store", "Lange Strasse 3, Oldenburg", 100),
    Spot("WEB", "Web shop", "store", "Dock 4, Bremen", 60, 20),
)

CATEGORIES = (
    ("Drinks", ""),
    ("Tea", "Drinks"),
    ("Coffee", "Drinks"),
    ("Pantry", ""),
    ("Fresh", ""),
    ("Home", ""),
    ("Gifts", "Home"),
)

GOODS = (
    Good("TEA-101", "Assam leaf tea 250 g", "Tea", 420, 5, 170),
    Good("TEA-102", "Earl Grey 250 g", "Tea", 450, 4, 160),
    Good("TEA-103", "Green sencha 100 g", "Tea", 520, 2.5, 120),
    Good("TEA-104", "East Frisian blend 500 g", "Tea", 610, 6, 180),
    Good("TEA-105", "Iced peach tea 20 bags", "Tea", 210, 3, 25),
    Good("COF-201", "House espresso 1 kg", "Coffee", 1150, 5, 120),
    Good("COF-202", "Filter roast Ethiopia 500 g", "Coffee", 890, 4, 120),
    Good("COF-203", "Decaf 500 g", "Coffee", 780, 1.5, 110),
    Good("COF-204", "Cold brew concentrate 1 l", "Coffee", 540, 3, 30),
    Good("PAN-301", "Wildflower honey 500 g", "Pantry", 480, 3, 140),
    Good("PAN-302", "Rapeseed honey 500 g", "Pantry", 410, 2, 140),
    Good("PAN-303", "Olive oil 0.75 l", "Pantry", 920, 3.5, 110),
    Good("PAN-304", "Sea salt flakes 250 g", "Pantry", 260, 1.5),
    Good("PAN-305", "Oat biscuits 200 g", "Pantry", 150, 8, 130),
    Good("PAN-306", "Dark chocolate 72 % 100 g", "Pantry", 190, 9, 190),
    Good("PAN-307", "Gingerbread 300 g", "Pantry", 230, 4, 500),
    Good("PAN-308", "Spelt flour", "Pantry", 180, 6.5, 130, "kg", 3),
    Good("PAN-309", "Rolled oats", "Pantry", 140, 5.2, 110, "kg", 3),
    Good("FRE-401", "Whole milk 1 l", "Fresh", 85, 22, 100, shelf_days=12),
    Good("FRE-402", "Oat drink 1 l", "Fresh", 110, 14, 100, shelf_days=60),
    Good("FRE-403", "Butter 250 g", "Fresh", 165, 11, 150, shelf_days=40),
    Good("FRE-404", "Yoghurt 500 g", "Fresh", 95, 12, 80, shelf_days=21),
    Good("HOM-501", "Stoneware mug", "Home", 540, 2, 200),
    Good("HOM-502", "Tea strainer", "Home", 310, 1, 160),
    Good("HOM-503", "Glass teapot 1 l", "Home", 1450, 0.7, 220),
    Good("HOM-504", "Linen tea towel", "Home", 390, 1.2, 180),
    Good("HOM-505", "Espresso tamper", "Home", 980, 0.4, 150),
    Good("GIF-601", "Advent tea calendar", "Gifts", 1250, 1.5, 600),
    Good("GIF-602", "Coffee sampler box", "Gifts", 1680, 0.9, 300),
    Good("GIF-603", "Honey trio", "Gifts", 990, 0.8, 260),
)
