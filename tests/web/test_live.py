"""Server-sent events: framing, the slow reader's end, and a server that can stop."""

import asyncio

import pytest

from serai.web.live import Channel, Event, EventStream


class Wire:
    """An ASGI connection in memory: what was sent, and a client that can leave."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.status = 0
        self.finished = False
        self.gone = asyncio.Event()
        self.news = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.sent.append(message["body"])
        self.finished = not message["more_body"]
        self.news.set()

    async def until(self, needle: bytes) -> None:
        while needle not in b"".join(self.sent):
            self.news.clear()
            await self.news.wait()

    def carry(self, channel: Channel, first=()) -> asyncio.Task[None]:
        stream = EventStream(channel, channel.subscribe(first))
        return asyncio.create_task(stream({"type": "http"}, self.receive, self.send))


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (Event("hello"), b"data: hello\n\n"),
        (Event("{}", name="seats", id="7"), b"event: seats\nid: 7\ndata: {}\n\n"),
        (Event("a\nb\r\nc\rd", retry_ms=10), b"retry: 10\ndata: a\ndata: b\ndata: c\ndata: d\n\n"),
        (Event(""), b"data: \n\n"),
    ],
)
def test_an_event_is_written_as_the_standard_says(event, wire):
    assert event.encoded == wire


def test_a_field_cannot_smuggle_in_another():
    with pytest.raises(AssertionError, match="line break"):
        assert Event("x", name="a\ndata: forged").encoded


async def test_the_snapshot_comes_first_and_then_what_is_published():
    wire, channel = Wire(), Channel()
    task = wire.carry(channel, [Event("snap", name="snapshot")])
    channel.publish(Event("delta"))
    await wire.until(b"delta")
    assert b"".join(wire.sent) == b"retry: 2000\n\nevent: snapshot\ndata: snap\n\ndata: delta\n\n"
    channel.close()
    await task
    assert wire.finished and wire.status == 200


async def test_silence_is_broken_by_a_comment():
    wire, channel = Wire(), Channel(heartbeat_s=0.001)
    task = wire.carry(channel)
    await wire.until(b"\n\n:\n\n:\n\n")
    channel.close()
    await task


async def test_a_reader_that_falls_behind_is_dropped_and_the_others_are_not():
    channel = Channel(queue_events_max=3)
    slow, quick = channel.subscribe(), channel.subscribe()
    reader = quick.chunks()
    dropped = []
    for number in range(5):
        dropped.append(channel.publish(Event(str(number))))
        assert await anext(reader) == Event(str(number)).encoded
    assert dropped == [0, 0, 0, 1, 0]
    assert slow.closed and not quick.closed and len(channel) == 1
    assert [chunk async for chunk in slow.chunks()] == []


async def test_a_client_that_leaves_frees_its_place():
    wire, channel = Wire(), Channel()
    task = wire.carry(channel)
    await wire.until(b"retry")
    assert len(channel) == 1
    wire.gone.set()
    await task
    assert len(channel) == 0


async def test_a_cancelled_request_frees_its_place_too():
    wire, channel = Wire(), Channel()
    task = wire.carry(channel)
    await wire.until(b"retry")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(channel) == 0


async def test_closing_lets_what_is_queued_out_and_refuses_newcomers():
    wire, channel = Wire(), Channel()
    task = wire.carry(channel)
    channel.publish(Event("last"))
    channel.close()
    await task
    assert b"last" in b"".join(wire.sent)
    late = Wire()
    await late.carry(channel)
    assert late.finished and len(channel) == 0
