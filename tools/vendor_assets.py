"""Brings the front-end libraries from npm, at pinned versions, into the package; the only way they get there.

Each package is fetched with `npm pack`, refused unless its archive has the sha512 of the table below, and only the
files named here are kept, beside the licence they came with. The icons become one SVG sprite of those that the
templates use. Without the table an update upstream could change what every page runs without anybody reading it.

    python tools/vendor_assets.py            # needs npm; rewrites static/vendor and tests/browser/vendor
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src" / "serai" / "web" / "static" / "vendor"
FOR_TESTS = ROOT / "tests" / "browser" / "vendor"
FETCH_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: where its files go, under which short name, and what its archive must hash to."""

    npm: str
    name: str
    version: str
    sha512: str
    files: tuple[str, ...]
    home: Path = SHIPPED

    @property
    def folder(self) -> Path:
        """NAME-VERSION, so that two versions never share an address."""
        return self.home / f"{self.name}-{self.version}"


PACKAGES = (
    Package(
        "htmx.org",
        "htmx",
        "4.0.1",
        "oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        ("dist/htmx.min.js", "LICENSE"),
    ),
    Package(
        "uplot",
        "uplot",
        "1.6.32",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"),
    ),
    Package(
        "@fontsource-variable/inter",
        "inter",
        "5.3.0",
        "OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
        (
            "wght.css",
            "files/inter-cyrillic-ext-wght-normal.woff2",
            "files/inter-cyrillic-wght-normal.woff2",
            "files/inter-greek-ext-wght-normal.woff2",
            "files/inter-greek-wght-normal.woff2",
            "files/inter-vietnamese-wght-normal.woff2",
            "files/inter-latin-ext-wght-normal.woff2",
            "files/inter-latin-wght-normal.woff2",
            "LICENSE",
        ),
    ),
    Package(
        "axe-core",
        "axe-core",
        "4.14.1",
        "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        ("axe.min.js", "LICENSE", "LICENSE-3RD-PARTY.txt"),
        FOR_TESTS,
    ),
)

LUCIDE = Package(
    "lucide-static",
    "lucide",
    "1.62.0",
    "WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",
    ("LICENSE",),
)

ICONS = """
activity armchair arrow-down-right arrow-left arrow-right arrow-up-right ban bed-double book-open boxes
building-2 calendar check chevron-down chevron-left chevron-right chevrons-up-down circle circle-alert circle-check
circle-dashed circle-dot circle-pause circle-x clapperboard clock copy credit-card database download ellipsis
external-link eye file-text film flag folder fingerprint globe hourglass house image inbox info key-round languages
layers layout-dashboard lock log-out mail map-pin menu message-circle minus monitor moon network package paperclip
pause plane plus qr-code radio refresh-cw scan-line search send server settings shield-check signal smartphone store
sun ticket trash-2 triangle-alert trophy undo-2 user users wallet x zap
"""
"""Every icon of the sprite, as Lucide names it. A template that names another one fails to render."""


class Refused(Exception):
    """What arrived is not what the table pins."""


def fetch(package: Package, into: Path) -> Path:
    """The package's archive, checked against its sha512."""
    done = subprocess.run(  # noqa: S603 - the arguments are constants of this file
        [shutil.which("npm") or "npm", "pack", f"{package.npm}@{package.version}", "--silent"],
        cwd=into,
        capture_output=True,
        text=True,
        check=True,
        timeout=FETCH_TIMEOUT_S,
    )
    archive = into / done.stdout.strip().splitlines()[-1]
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise Refused(f"{package.npm}@{package.version} has sha512 {found}, the table says {package.sha512}")
    return archive


def unpack(package: Package, archive: Path) -> None:
    """Keeps the named files only, with their path below `dist/` dropped."""
    with tarfile.open(archive) as tar:
        for name in package.files:
            member = tar.extractfile(f"package/{name}")
            assert member is not None, f"{package.npm} has no {name}"
            target = package.folder / name.removeprefix("dist/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_without_source_map(member.read(), target.suffix))


def _without_source_map(content: bytes, suffix: str) -> bytes:
    """The maps are not shipped, so a pointer to one would be a 404 in every open inspector."""
    return re.sub(rb"\n?//# sourceMappingURL=\S+\s*$", b"\n", content) if suffix == ".js" else content


def draw_sprite(archive: Path) -> None:
    """One file of <symbol>s, each named as Lucide names it."""
    symbols = []
    with tarfile.open(archive) as tar:
        for name in sorted(ICONS.split()):
            member = tar.extractfile(f"package/icons/{name}.svg")
            assert member is not None, f"Lucide has no icon {name}"
            body = re.search(r"<svg[^>]*>(.*)</svg>", member.read().decode(), re.DOTALL)
            assert body is not None, f"{name}.svg is not an SVG"
            shapes = " ".join(body[1].split())
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    (LUCIDE.folder / "icons.svg").write_text(sprite)


def main() -> None:
    """Empties both vendor folders and fills them from the table."""
    for home in (SHIPPED, FOR_TESTS):
        shutil.rmtree(home, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        for package in (*PACKAGES, LUCIDE):
            archive = fetch(package, Path(scratch))
            unpack(package, archive)
            if package is LUCIDE:
                draw_sprite(archive)
            sys.stdout.write(f"{package.folder.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
