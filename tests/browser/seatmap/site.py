"""A web site for the seat-map tests: the shipped modules, blank pages around them, and one show's API in memory."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hall import FakeShow

SHIPPED = Path(__file__).parents[3] / "src/serai/systems/cinema/static/seatmap"
CHECKOUT = Path(__file__).parents[3] / "src/serai/systems/checkout/static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script type="module" src="/cinema/seatmap/{module}"></script></head>
<body style="margin:0;padding:12px"><main><h1 style="font:600 20px sans-serif;margin:0 0 12px">{title}</h1>{body}</main>
</body></html>"""
PAGES = {
    "/map": ("Choose your seats", "seat-map.js", '<seat-map src="/api/cinema/v1/shows/S1" max="6"></seat-map>'),
    "/editor": ("Seating plan", "plan-editor.js", '<plan-editor src="/plan.json" save-url="/plan.json"></plan-editor>'),
    "/blank": ("Blank", "geometry.js", ""),
}
API = "/api/cinema/v1"


class Handler(BaseHTTPRequestHandler):
    """One request; the show hangs on the server."""

    protocol_version = "HTTP/1.1"
    server: "Site"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Tests print nothing."""

    def do_GET(self) -> None:
        """Files, pages, and the reading half of the API."""
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        show = self.server.show
        if url.path in PAGES:
            title, module, body = PAGES[url.path]
            self._send(200, PAGE.format(title=title, module=module, body=body).encode(), ".html")
        elif url.path.startswith("/cinema/seatmap/"):
            self._file(SHIPPED / Path(url.path).name)
        elif url.path.startswith("/checkout/"):
            self._file(CHECKOUT / Path(url.path).name)
        elif url.path == f"{API}/shows/S1/seats":
            plan = {"plan": show.plan} if show.plan else {}
            self._json(200, {"version": show.version, "seats": show.seats, **plan})
        elif url.path == f"{API}/shows/S1/best":
            self._json(*show.best(int(query["count"]), query.get("category", "")))
        elif url.path == f"{API}/shows/S1/events":
            self._events()
        elif url.path == "/plan.json" and show.saved:
            self._json(200, show.saved[-1])
        else:
            self._json(404, {"code": "not_found", "title": "Not found"})

    def do_POST(self) -> None:
        """Hold and extend."""
        body = self._body()
        parts = self.path.split("/")
        if self.path == f"{API}/holds":
            self._json(*self.server.show.hold(body["seat_ids"]))
        else:
            self._json(*self.server.show.extend(parts[-2]))

    def do_DELETE(self) -> None:
        """Release."""
        self._json(*self.server.show.release(self.path.split("/")[-1]))

    def do_PUT(self) -> None:
        """The editor saves its plan."""
        self.server.show.saved.append(self._body())
        self._json(200, {"saved": True})

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def _file(self, path: Path) -> None:
        self._send(200, path.read_bytes(), path.suffix) if path.is_file() else self._json(404, {})

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), ".json")

    def _send(self, status: int, body: bytes, suffix: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", TYPES.get(suffix, "application/json"))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        stream = self.server.show.subscribe()
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        while (event := stream.get()) is not None:
            try:
                self.wfile.write(event.encode())
                self.wfile.flush()
            except OSError:
                return


class Site(ThreadingHTTPServer):
    """Serves on a free port of the loopback address until the test ends."""

    daemon_threads = True
    block_on_close = False
    show: "FakeShow"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no fault."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(show: "FakeShow") -> "Iterator[Site]":
    """A running site around `show`."""
    site = Site(("127.0.0.1", 0), Handler)
    site.show = show
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        show.drop_streams()
        site.shutdown()
        site.server_close()
        thread.join()
