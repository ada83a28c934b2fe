"""Stories: a script of what happens to a group, and beside each line what the members did of it.

A story is a text file. Lines that begin with `>` are the script; lines indented by four blanks are what happened,
written by this module; all else is prose. `pytest tests/mechanisms/consensus/test_stories.py --rewrite-stories` writes
them anew.

    > start a b c | d          members with votes | learners that are members from the beginning
    > logs a 1 1 2             before `start`: a's disk holds entries of these terms (the first is the configuration);
                               `vote=a` and `term=3` may follow
    > set lease_reads=1        before `start`: a setting
    > join d                   a member that nobody has told of the group
    > wait 1.5 a               time passes, and these members look at their clocks
    > deliver [a>b] [N]        messages on their way arrive (all, of one way, the first N)
    > lose [a>b]               messages on their way are lost
    > sync a [N]               a's writes become durable (all, the first N)
    > settle                   all arrives and is durable, until nothing moves; told briefly
    > ask a propose x | read | look | change a,b/c | hand over b
    > crash a, start again a
    > part a,b c               only who is written together hears each other; `part` alone heals
    > forget a                 a's disk is empty when it starts again
    > image a                  a makes a snapshot of its own
    > show [a b]               how the members stand
"""

from collections.abc import Callable
from dataclasses import fields, replace

from tests.mechanisms.consensus.world import SETTINGS, Files, Letter, World, written

from serai.mechanisms.consensus import messages as says
from serai.mechanisms.consensus.messages import AnyMessage, Configuration
from serai.mechanisms.consensus.requests import Change, Done, HandOver, Propose, Read, ReadHere, Refused, Request, Value
from serai.mechanisms.consensus.settings import Settings


def spoken(message: AnyMessage) -> str:  # noqa: C901, PLR0912 - one line for each kind
    """A message in a few words."""
    match message:
        case says.PreVote(_, term, index, last):
            words = f"would you vote for me in term {term}? my log ends at {index} of term {last}"
        case says.PreVoteReply(_, term, granted):
            words = f"{'I would' if granted else 'I would not'} in term {term}"
        case says.Vote(_, _, index, last, transfer):
            words = f"vote for me{', the leader sends me' if transfer else ''}; my log ends at {index} of term {last}"
        case says.VoteReply(granted=granted):
            words = "my vote is yours" if granted else "my vote is not yours"
        case says.Append(_, _, index, term, commit, entries):
            what = _range(entries) if entries else "nothing new"
            words = f"after {index} of term {term}: {what}; committed to {commit}"
        case says.Appended(_, _, match):
            words = f"I have all up to {match}"
        case says.AppendRejected(_, _, index, hint, term):
            words = f"I lack your {index}; mine may agree at {hint} of term {term}"
        case says.Heartbeat(_, _, commit, _, number):
            words = f"I lead; committed to {commit}" + (f"; round {number}" if number else "")
        case says.HeartbeatReply(round=number):
            words = "I follow" + (f"; round {number}" if number else "")
        case says.SnapshotChunk(_, _, index, _, _, number, total, _):
            words = f"snapshot at {index}, chunk {number + 1} of {total}"
        case says.SnapshotReply(_, _, index, received):
            words = f"snapshot at {index}, I hold {received}"
        case says.TimeoutNow():
            words = "stand at once"
        case says.ReadAsk(token=token):
            words = f"how far must I be to answer read {token}?"
        case says.ReadReply(_, _, token, index):
            words = f"read {token}: up to {index}"
        case says.Stale():
            words = "your term is over"
    return f"[{message.term}] {words}"


def _range(entries: tuple[says.Entry, ...]) -> str:
    def one(entry: says.Entry) -> str:
        if entry.kind is says.Kind.CONFIGURATION:
            return f"{entry.index}={members(Configuration.of(entry.data))}"
        return f"{entry.index}={entry.data.decode() or 'begin'}"

    text = " ".join(one(entry) for entry in entries)
    return text if len(text) < 60 else f"{entries[0].index} to {entries[-1].index}"


def members(configuration: Configuration) -> str:
    """A configuration in a few letters."""
    text = ",".join(configuration.voters)
    if configuration.joint:
        text += "+" + ",".join(configuration.outgoing)
    return "{" + text + ("/" + ",".join(configuration.learners) if configuration.learners else "") + "}"


def answered(reply: object) -> str:
    """What a client was told."""
    match reply:
        case Done(result, index):
            return f"done{f' as entry {index}' if index else ''}{f', {result}' if result is not None else ''}"
        case Value(words) if isinstance(words, tuple):
            return f"read [{' '.join(word.decode() for word in words)}]"
        case Refused(reason):
            return f"refused: {reason}"
        case _:
            return str(reply)


class Story:
    """Plays one script."""

    def __init__(self) -> None:
        self.world = World(Configuration())
        self.told: list[str] = []
        self._seen_letters: list[Letter] = []
        self._seen_answers: set[int] = set()
        self._roles: dict[str, tuple[str, int]] = {}
        self._logs: list[tuple[str, list[int], dict[str, str]]] = []
        self.brief = False
        self.commands: dict[str, Callable[[list[str]], None]] = {
            "start": self.start, "logs": self.logs, "set": self.set, "join": self.join, "wait": self.wait,
            "deliver": self.deliver, "lose": self.lose, "sync": self.sync, "settle": self.settle, "ask": self.ask,
            "crash": self.crash, "part": self.part, "image": self.image, "show": self.show, "forget": self.forget,
        }  # fmt: skip

    def tell(self, text: str) -> str:
        """The story with what happens now."""
        lines: list[str] = []
        for line in text.splitlines():
            if line.startswith("    "):
                continue
            lines.append(line)
            if line.startswith("> "):
                self.told = []
                word, *rest = line[2:].split()
                self.commands[word](rest)
                self.notice()
                lines += [f"    {told}" for told in self.told] or ["    (nothing)"]
        return "\n".join(lines) + "\n"

    def notice(self) -> None:
        """Tells what is new: roles, messages on their way, answers."""
        world = self.world
        for name, node in sorted(world.nodes.items()):
            now = (str(node.member.role), node.member.term)
            if self._roles.get(name, ("follower", 0)) != now:
                self.told.append(f"{name} is {now[0]} in term {now[1]}")
            self._roles[name] = now
        for letter in world.letters:
            if not any(letter is seen for seen in self._seen_letters) and not self.brief:
                self.told.append(f"{letter.sender} > {letter.to}  {spoken(letter.message)}")
        self._seen_letters = list(world.letters)
        for token in sorted(world.answers.keys() - self._seen_answers):
            self.told.append(f"client {token}: {answered(world.answers[token])}")
            self._seen_answers.add(token)
        self.told += [f"{name} halts: {why}" for name, why in world.halted.items() if name in self._roles]
        for name in world.halted:
            self._roles.pop(name, None)

    def start(self, words: list[str]) -> None:
        if words[0] == "again":
            for name in words[1:]:
                self._roles.pop(name, None)
                self.begin(name)
            return
        voters = tuple(word for word in words if word != "|")
        learners: tuple[str, ...] = ()
        if "|" in words:
            at = words.index("|")
            voters, learners = tuple(words[:at]), tuple(words[at + 1 :])
        self.world.initial = Configuration(voters, (), learners)
        for name, terms, given in self._logs:
            term = int(given["term"]) if "term" in given else None
            self.world.disks[name] = written(voters, terms, vote=given.get("vote"), term=term)
        for name in (*voters, *learners):
            self.begin(name)

    def begin(self, name: str) -> None:
        """A life begins, and what it writes at once is durable."""
        self.world.start(name)
        while self.world.disks[name].pending:
            self.world.sync(name)

    def logs(self, words: list[str]) -> None:
        given = dict(word.split("=", 1) for word in words if "=" in word)
        self._logs.append((words[0], [int(word) for word in words[1:] if word.isdigit()], given))

    def set(self, words: list[str]) -> None:
        types = {known.name: known.type for known in fields(Settings)}
        for word in words:
            name, value = word.split("=")
            number = bool(int(value)) if types[name] in (bool, "bool") else float(value) if "." in value else int(value)
            self.world.settings = replace(self.world.settings, **{name: number})
        assert self.world.settings != SETTINGS

    def join(self, words: list[str]) -> None:
        for name in words:
            self.world.start(name)

    def wait(self, words: list[str]) -> None:
        self.world.now_s += float(words[0])
        for name in words[1:]:
            self.world.tick(name)

    def _chosen(self, words: list[str]) -> list[Letter]:
        ways = [word for word in words if ">" in word]
        limit = [int(word) for word in words if word.isdigit()]
        letters = [letter for letter in self.world.letters if not ways or f"{letter.sender}>{letter.to}" in ways]
        return letters[: limit[0]] if limit else letters

    def deliver(self, words: list[str]) -> None:
        for letter in self._chosen(words):
            if any(letter is known for known in self.world.letters):
                self.world.deliver(letter)

    def lose(self, words: list[str]) -> None:
        for letter in self._chosen(words):
            self.world.letters.remove(letter)

    def sync(self, words: list[str]) -> None:
        name, times = words[0], int(words[1]) if len(words) > 1 else 1_000
        while times and self.world.disks[name].pending:
            self.world.sync(name)
            times -= 1

    def settle(self, _words: list[str]) -> None:
        self.brief = True
        self.world.settle()
        self.notice()
        self.brief = False
        self.told.append("all is quiet")

    def ask(self, words: list[str]) -> None:
        name, what, *rest = words
        requests: dict[str, Callable[[], Request]] = {
            "propose": lambda: Propose(" ".join(rest).encode()),
            "read": lambda: Read(None),
            "look": lambda: ReadHere(None),
            "change": lambda: _change(rest[0]),
            "hand": lambda: HandOver(rest[1]),
        }
        token = self.world.ask(name, requests[what]())
        self.told.append(f"client {token} asks {name}")

    def crash(self, words: list[str]) -> None:
        for name in words:
            self.world.crash(name)

    def forget(self, words: list[str]) -> None:
        """An empty disk, of a member that is not told of the group again."""
        for name in words:
            self.world.disks[name] = Files()
        self.world.initial = Configuration()

    def part(self, words: list[str]) -> None:
        self.world.part(*[word.split(",") for word in words])

    def image(self, words: list[str]) -> None:
        node = self.world.nodes[words[0]]
        node.make_snapshot()
        self.world.perform(words[0], node.take_effects())

    def show(self, words: list[str]) -> None:
        for name in words or sorted(self.world.nodes):
            status, log = self.world.nodes[name].status(), self.world.nodes[name].member.log
            terms = " ".join(str(log.term_at(index)) for index in range(log.base_index + 1, log.last_index + 1))
            begin = f" behind a snapshot at {log.base_index}" if log.base_index else ""
            self.told.append(
                f"{name}: {status.role} in term {status.term} of {members(status.configuration)}, "
                f"log {terms or 'empty'}{begin}, committed to {status.commit}, applied to {status.applied}"
            )


def _change(text: str) -> Change:
    voters, _, learners = text.partition("/")
    return Change(tuple(voters.split(",")), tuple(learners.split(",")) if learners else ())
