"""What a peer can do wrong, and how far the damage goes (RFC 9113, section 5.4).

Http2Error
├── ConnectionFault   nothing more can be believed: GOAWAY with the code, then the connection is closed
└── StreamFault       one stream is reset with the code, the others go on
"""

from enum import IntEnum


class Code(IntEnum):
    """Error codes (section 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Http2Error(Exception):
    """The root. `code` is what the peer is told, `why` is for the log and GOAWAY's debug data."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(f"{code.name}: {why}")
        self.code = code
        self.why = why


class ConnectionFault(Http2Error):
    """Nothing more from this peer can be believed."""


class StreamFault(Http2Error):
    """One stream is wrong."""

    def __init__(self, stream: int, code: Code, why: str) -> None:
        super().__init__(code, why)
        self.stream = stream
