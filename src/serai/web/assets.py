"""Static files, read once and served from memory under an address that names their content.

The address carries one hash over the whole tree, so files may refer to each other by relative paths (a style sheet
to its fonts) and a browser may keep each for a year: a deployment changes the address, never what stands behind it.
A page that an older process rendered still finds its files, only without the long promise.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
GZIP_BYTES_MIN = 860
"""Below this a compressed file is no smaller on the wire than one packet already is."""

_ALREADY_SMALL = frozenset({".woff2", ".png", ".jpg", ".webp", ".ico"})
_TYPES = {".woff2": "font/woff2", ".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}


@dataclass(frozen=True)
class Asset:
    """One file as it goes out."""

    media_type: str
    content: bytes
    worth_gzipping: bool
    etag: str

    @classmethod
    def read(cls, path: Path) -> "Asset":
        """The file at `path`."""
        content = path.read_bytes()
        worthwhile = path.suffix not in _ALREADY_SMALL and len(content) >= GZIP_BYTES_MIN
        guess = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(guess, content, worthwhile, hashlib.sha256(content).hexdigest()[:20])

    @cached_property
    def gzipped(self) -> bytes | None:
        """Compressed where that makes it smaller; made when first asked for, since most processes never are."""
        return gzip.compress(self.content, compresslevel=9, mtime=0) if self.worth_gzipping else None


class Assets:
    """Every static file of the console and of the systems: `folders` maps a prefix ("" or "cinema/") to its folder."""

    def __init__(self, folders: Mapping[str, Path], *, mount: str = "/static") -> None:
        self._mount = mount
        self._files = dict(sorted(_collect(folders).items()))
        names = "".join(f"{name}:{asset.etag}\n" for name, asset in self._files.items())
        self.version = hashlib.sha256(names.encode()).hexdigest()[:12]

    def url(self, name: str) -> str:
        """The lasting address of `name`; KeyError for a file that is not there: a typo fails the first render."""
        if name not in self._files:
            raise KeyError(f"no static file named {name!r}")
        return f"{self._mount}/{self.version}/{name}"

    def text(self, name: str) -> str:
        """The content of a text file."""
        return self._files[name].content.decode()

    async def respond(self, request: Request) -> Response:
        """Answers `{mount}/{version}/{name:path}`."""
        asset = self._files.get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("No such file\n", status_code=404)
        current = request.path_params["version"] == self.version
        zipped = asset.gzipped if "gzip" in request.headers.get("accept-encoding", "") else None
        etag = f'"{asset.etag}{"-gzip" if zipped else ""}"'
        headers = {"cache-control": FOREVER if current else REVALIDATE, "etag": etag, "vary": "accept-encoding"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if zipped:
            headers["content-encoding"] = "gzip"
        return Response(zipped or asset.content, media_type=asset.media_type, headers=headers)


def _collect(folders: Mapping[str, Path]) -> dict[str, Asset]:
    files: dict[str, Asset] = {}
    for prefix, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[prefix + path.relative_to(folder).as_posix()] = Asset.read(path)
    return files
