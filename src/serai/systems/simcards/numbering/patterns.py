"""What somebody looks for in a number, and what of a number they may see before they hold it.

It prevents harvesting: whoever browses sees where a number comes from and what they asked for, and too little of the
rest to name it. Numbers are found by filling templates, so a search costs the same in a pool of any size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from serai.kernel.ports import Random

HIDDEN = "•"
ANY = "?"

HIDDEN_MIN = 3
"""Digits that stay hidden at least, whatever was asked for: a thousand numbers look alike."""

ALL_MAX = 3
"""With so few free digits a template's numbers are all tried, in random order."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the national part shall look like; what is None does not matter."""

    prefix: str = ""
    """After the pool's own prefix."""
    contains: str = ""
    ends: str = ""
    repeated: int = 0
    """So many equal digits in a row."""

    @property
    def given(self) -> int:
        """How many digits it fixes at most."""
        return len(self.prefix) + len(self.contains) + len(self.ends) + self.repeated

    def matches(self, tail: str) -> bool:
        """Whether the digits after the pool's prefix look like it."""
        return (
            tail.startswith(self.prefix)
            and tail.endswith(self.ends)
            and self.contains in tail
            and (not self.repeated or any(str(digit) * self.repeated in tail for digit in range(10)))
        )


def templates(pattern: Pattern, length: int) -> list[str]:
    """Every way in which `length` digits can look like the pattern: digits where they are fixed, ANY elsewhere."""
    base = _laid(ANY * length, pattern.prefix, 0)
    base = base and _laid(base, pattern.ends, length - len(pattern.ends))
    found = [base] if base else []
    if pattern.contains:
        found = list(_anywhere(found, pattern.contains))
    if pattern.repeated:
        found = [each for digit in range(10) for each in _anywhere(found, str(digit) * pattern.repeated)]
    return sorted(set(found))


def candidates(pattern: Pattern, length: int, tries_max: int, random: Random) -> Iterator[str]:
    """Digits that look like the pattern, in random order, each once, from at most `tries_max` tries.

    Patterns that leave few digits open are tried completely, so what exists is found.
    """
    forms = templates(pattern, length)
    if not forms:
        return
    everything = [each for form in forms for each in _all(form)] if _few(forms, tries_max) else None
    seen: set[str] = set()
    for _ in range(len(everything) if everything is not None else tries_max):
        if everything is not None:
            place = random.below(len(everything))
            everything[place], everything[-1] = everything[-1], everything[place]
            digits = everything.pop()
        else:
            digits = _filled(forms[random.below(len(forms))], random)
        if digits not in seen:
            seen.add(digits)
            yield digits


def masked(prefix: str, tail: str, pattern: Pattern, random: Random) -> str:
    """What is shown of a number: the pool's prefix, and of the tail what was asked for and a little more.

    At least HIDDEN_MIN digits of the tail are hidden, and always half of it.
    """
    open_max = max(0, min(len(tail) - HIDDEN_MIN, len(tail) // 2))
    wanted = _asked_places(pattern, tail)[:open_max]
    rest = [place for place in range(len(tail)) if place not in wanted]
    while len(wanted) < open_max:
        wanted.append(rest.pop(random.below(len(rest))))
    return prefix + "".join(digit if place in wanted else HIDDEN for place, digit in enumerate(tail))


def _asked_places(pattern: Pattern, tail: str) -> list[int]:
    """Places of what was asked for, the end first: that is what people look at."""
    length = len(tail)
    places = [*range(length - len(pattern.ends), length), *range(len(pattern.prefix))]
    runs = [str(digit) * pattern.repeated for digit in range(10)] if pattern.repeated else []
    run = pattern.contains or next((each for each in runs if each in tail), "")
    start = tail.find(run) if run else -1
    if start >= 0:
        places += range(start, start + len(run))
    return list(dict.fromkeys(places))


def _laid(form: str, digits: str, at: int) -> str:
    """The form with these digits at a place; '' if they do not fit."""
    if at < 0 or at + len(digits) > len(form):
        return ""
    under = form[at : at + len(digits)]
    if any(there not in (ANY, digit) for there, digit in zip(under, digits, strict=True)):
        return ""
    return form[:at] + digits + form[at + len(digits) :]


def _anywhere(forms: list[str], digits: str) -> Iterator[str]:
    for form in forms:
        for at in range(len(form) - len(digits) + 1):
            if laid := _laid(form, digits, at):
                yield laid


def _few(forms: list[str], tries_max: int) -> bool:
    open_digits = [form.count(ANY) for form in forms]
    return max(open_digits) <= ALL_MAX and sum(10**count for count in open_digits) <= tries_max


def _all(form: str) -> Iterator[str]:
    place = form.find(ANY)
    if place < 0:
        yield form
        return
    for digit in range(10):
        yield from _all(form[:place] + str(digit) + form[place + 1 :])


def _filled(form: str, random: Random) -> str:
    return "".join(str(random.below(10)) if digit == ANY else digit for digit in form)
