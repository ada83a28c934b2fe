"""The headers that keep a page from running what we did not write.

No inline script, no inline style, nothing from another host: a value that escapes a template cannot become code.
A page with a need of its own (a payment form, somebody else's HTML) sets its own policy; the middleware fills in
only what the response leaves unsaid.
"""

from dataclasses import dataclass, replace

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """A Content-Security-Policy (CSP level 3): one source list per kind of content; 'none' for all that is unnamed."""

    script: str = "'self'"
    style: str = "'self'"
    image: str = "'self' data:"
    connect: str = "'self'"
    frame: str = "'self'"
    framed_by: str = "'none'"

    def also(self, host: str) -> "ContentPolicy":
        """The same, with one more host that may bring script and frames: a payment provider's form."""
        return replace(
            self,
            script=f"{self.script} {host}",
            frame=f"{self.frame} {host}",
            connect=f"{self.connect} {host}",
        )

    def header(self) -> str:
        """As it is sent."""
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src {self.script}",
                f"style-src {self.style}",
                f"img-src {self.image}",
                f"connect-src {self.connect}",
                f"frame-src {self.frame}",
                f"frame-ancestors {self.framed_by}",
                "font-src 'self'",
                "form-action 'self'",
                "manifest-src 'self'",
                "worker-src 'self'",
                "base-uri 'none'",
            )
        )


FOREIGN_HTML = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""For HTML that somebody else wrote (a mail's body): it may look as it likes and do nothing; no script, no
network. A link that its reader follows opens a page of its own."""

HEADERS = {
    "content-security-policy": ContentPolicy().header(),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(self), microphone=(), payment=(self)",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""What a response carries unless it says otherwise itself."""


class SecurityHeaders:
    """ASGI middleware: every HTTP response carries the headers above, unless it says otherwise itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and completes the headers of its response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
