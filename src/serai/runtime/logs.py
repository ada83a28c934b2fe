"""Logs: one JSON object a line where a machine reads, one readable line where a person does.

No secrets, no personal data, no card data: what is logged is a request's id, its shortened path and its outcome.
"""

import json
import logging
import sys
from time import gmtime
from typing import Any

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """A record as one JSON object, its `extra` fields beside the standard ones."""

    converter = staticmethod(gmtime)

    def __init__(self, child: str) -> None:
        super().__init__()
        self._child = child

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        document: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "child": self._child,
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(document, default=str).decode()
        except orjson.JSONEncodeError:  # a huge number, half a surrogate pair, a key that is no text
            return json.dumps(document, default=str)


def configure_logs(child: str, level: str, *, machine: bool) -> None:
    """Sets up this process's logs on standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(child) if machine else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("procrastinate", "stripe", "asyncio", "mail.log", "httpx", "fontTools", "fpdf", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
