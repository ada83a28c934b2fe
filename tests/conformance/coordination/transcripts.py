"""What a client saw, in a form in which two engines can be compared: steps by name, without what differs by chance.

Ids, endpoints, times, sizes and versions become words; revisions stay, for every story begins with an empty store.
The same id has the same word all through a transcript, so that an answer with the wrong id still shows.
"""

import base64
import json
import re
from dataclasses import dataclass, field

CHANCE = {
    "raft_term": "TERM",
    "raftTerm": "TERM",
    "raftIndex": "INDEX",
    "raftAppliedIndex": "INDEX",
    "raft_index": "INDEX",
    "dbSize": "SIZE",
    "dbSizeInUse": "SIZE",
    "dbSizeQuota": "SIZE",
    "version": "VERSION",
    "storageVersion": "VERSION",
    "hash": "HASH",
}
"""Fields of JSON answers whose value says nothing about the engine. A key's `version` is a number, and stays."""

_PATTERNS = (
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"took (?:= )?\S+"), "took TIME"),
    (re.compile(r"\"RaftTerm\" : \d+"), '"RaftTerm" : TERM'),
    (re.compile(r"[Ss]erver version \S+"), "server version VERSION"),
    (re.compile(r"remaining\(\d+s\)"), "remaining(TIME)"),
    (re.compile(r"/tmp/\S+/"), "FOLDER/"),
    (re.compile(r"\b(Member|cluster) +"), r"\1 "),
    (re.compile(r"proto:\s"), "proto: "),
)
_ANY_ORDER = re.compile(r"(?<=attached keys\(\[)[^]]*|(?<=ETCD_INITIAL_CLUSTER=\")[^\"]*")
"""Lists of keys and of members, which come in an order that is chance."""
_BASE64 = re.compile(r"\b[A-Za-z0-9+/]{16,}(?:==|=|\b)")
_ID = re.compile(r"\b(?:[0-9a-f]{12,16}|\d{13,20})\b")


@dataclass
class Transcript:
    """The steps of one story on one engine."""

    steps: dict[str, str] = field(default_factory=dict)
    _ids: dict[int, str] = field(default_factory=dict)
    _unnamed: int = 0

    def add(self, name: str, text: str) -> None:
        """A step, by what was asked; asking the same again gets a number."""
        name = self._words(name)
        count = sum(one == name or one.startswith(f"{name} #") for one in self.steps)
        self.steps[f"{name} #{count + 1}" if count else name] = self.normal(text)

    def call(self, number: int, name: str) -> None:
        """An id by a name of its own, instead of by when it was first seen."""
        self._ids[number] = name

    def normal(self, text: str) -> str:
        """Line by line: JSON by its fields, the rest by patterns."""
        return "\n".join(filter(None, (self._line(line) for line in text.splitlines())))

    def _line(self, line: str) -> str:
        if line[:1] in ("{", "["):
            try:
                found = json.loads(line)
            except ValueError:
                return self._words(line)
            if "caller" in found:  # the client's own log
                return ""
            return json.dumps(self._value(found), sort_keys=True)
        return self._words(line.rstrip())

    def _value(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._field(key, one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(one) for one in value]
        return self._words(str(value)) if isinstance(value, str) else self._number(value)

    def _field(self, key: str, value: object) -> object:
        chance = key in CHANCE and not (key == "version" and str(value).isdecimal())
        return CHANCE[key] if chance else self._value(value)

    def _number(self, value: object) -> object:
        return self._id(value) if isinstance(value, int) and abs(value) >= 10**12 else value

    def _words(self, text: str) -> str:
        for pattern, word in _PATTERNS:
            text = pattern.sub(word, text)
        text = _BASE64.sub(_opened, text)
        text = _ANY_ORDER.sub(lambda found: " ".join(sorted(re.split("[ ,]", found.group()))), text)
        return _ID.sub(lambda found: self._id(_number_of(found.group())), text)

    def _id(self, number: int) -> str:
        if number not in self._ids:
            self._unnamed += 1
            self._ids[number] = f"ID{self._unnamed}"
        return self._ids[number]


def _opened(found: re.Match[str]) -> str:
    """A key in base64 that has an id in it, in plain text; anything else as it is."""
    try:
        plain = base64.b64decode(found.group(), validate=True).decode()
    except ValueError:
        return found.group()
    return plain if _ID.search(plain) else found.group()


def _number_of(text: str) -> int:
    """Ids are written in hexadecimal by people's formats and in decimal in JSON."""
    return int(text) if text.isdecimal() and len(text) > 16 else int(text, 16)


def differences(expected: Transcript, found: Transcript) -> dict[str, str]:
    """Each step that is not as expected, with both."""
    names = [*expected.steps, *(name for name in found.steps if name not in expected.steps)]
    return {
        name: f"expected: {expected.steps.get(name)!r}\nfound:    {found.steps.get(name)!r}"
        for name in names
        if expected.steps.get(name) != found.steps.get(name)
    }
