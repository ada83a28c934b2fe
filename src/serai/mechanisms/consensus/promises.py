"""Messages that promise something, held until what they promise is on the disk.

It prevents the promise that a crash breaks: a vote that is forgotten and given again, an entry that is acknowledged and
gone. Which kinds wait, and for what, is a table in `messages`.
"""

from serai.mechanisms.consensus.messages import AFTER_EVERYTHING, AFTER_TERM, AnyMessage


class Promises:
    """What one member wants to send. Writes are known by their sequence."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held: list[tuple[int, str, AnyMessage]] = []
        """(the write that it waits for, to, message)"""
        self.term_sequence = 0
        """The write that holds the newest term."""

    def hold(self, to: str, message: AnyMessage, promised: int) -> None:
        """`promised`: the write with which all that was handed to the disk so far will be durable."""
        if isinstance(message, AFTER_EVERYTHING):
            needed = promised
        else:
            needed = self.term_sequence if isinstance(message, AFTER_TERM) else 0
        self._held.append((needed, to, message))

    def due(self, durable: int) -> tuple[list[tuple[str, AnyMessage]], list[AnyMessage]]:
        """What may go now: messages to others, and those of this member to itself."""
        if not self._held:
            return [], []
        due = [(to, message) for needed, to, message in self._held if needed <= durable]
        self._held = [known for known in self._held if known[0] > durable]
        others = [known for known in due if known[0] != self._name]
        return others, [message for to, message in due if to == self._name]
