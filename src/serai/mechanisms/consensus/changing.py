"""Changes of the members, and handing over the lead.

It prevents two majorities that do not know of each other: voters change by a joint configuration in which the old and
the new half must both agree (section 6); a second change waits until the first is complete, also when the leader that
began it is gone, since its successor completes it. A newcomer is a learner first, so that its empty log stalls nobody.
"""

from serai.mechanisms.consensus.elections import follow
from serai.mechanisms.consensus.errors import ChangeRefused
from serai.mechanisms.consensus.member import Member, Transfer
from serai.mechanisms.consensus.messages import Configuration, Kind, TimeoutNow
from serai.mechanisms.consensus.progress import Progress
from serai.mechanisms.consensus.roles import Cause, Role


def propose_change(m: Member, target: Configuration) -> int:
    """The leader begins to move to `target`; the entry's index. ChangeRefused says why not."""
    refusal = _refusal(m, target)
    if refusal is not None:
        raise ChangeRefused(f"group {m.group} keeps its members: {refusal}")
    current = m.log.configuration
    if set(target.voters) == set(current.voters):
        return adopt(m, target)
    return adopt(m, Configuration(target.voters, current.voters, target.learners))


def _refusal(m: Member, target: Configuration) -> str | None:
    current = m.log.configuration
    if m.role is not Role.LEADER:
        return f"{m.name} does not lead it"
    if current.joint or m.log.configuration_index > m.log.commit:
        return "another change is not complete yet; wait for it"
    if m.log.term_at(m.log.commit) != m.term:
        return "its leader is new and has committed nothing yet; try again"
    if m.transfer is not None:
        return f"the lead is being handed to {m.transfer.to}; try again"
    if target == current:
        return "they are already so"
    return malformed(target) or _too_early(m, target)


def malformed(target: Configuration) -> str | None:
    """Why no group can ever be so, or None."""
    if not target.voters:
        return "nobody would vote"
    if target.outgoing:
        return "a target has no outgoing voters; they follow from the change"
    if len({*target.voters, *target.learners}) < len(target.voters) + len(target.learners):
        return "a member is named twice"
    return None


def _too_early(m: Member, target: Configuration) -> str | None:
    current = m.log.configuration
    demoted = sorted(set(target.learners) & set(current.voters))
    if demoted:
        return f"{demoted[0]} votes; remove it first, then add it as a learner"
    for name in sorted(set(target.voters) - set(current.voters)):
        if name not in current.learners:
            return f"{name} is not a learner yet; add it as one first"
        lag = m.log.last_index - m.progress[name].match
        if lag > m.settings.learner_lag_max:
            return f"{name} lacks {lag} entries (at most {m.settings.learner_lag_max}); wait until it has caught up"
    return None


def adopt(m: Member, configuration: Configuration) -> int:
    """A configuration becomes an entry, and counts from now on. Who is removed by it still gets it."""
    index = m.append(Kind.CONFIGURATION, configuration.to_bytes())
    for name in sorted(configuration.everyone - m.progress.keys() - {m.name}):
        m.progress[name] = Progress(next=m.log.last_index, heard_s=m.now_s)
    return index


def go_on(m: Member) -> None:
    """The commit has moved: leave a joint configuration that is committed, or the group if it has no place for us."""
    configuration = m.log.configuration
    if m.log.configuration_index > m.log.commit:
        return
    if configuration.joint:
        adopt(m, Configuration(configuration.voters, (), configuration.learners))
        return
    for name in sorted(m.progress.keys() - configuration.everyone):
        del m.progress[name]
    if not configuration.votes(m.name):
        _leave(m)


def _leave(m: Member) -> None:
    voters = [(m.progress[name].match, name) for name in m.log.configuration.voters]
    m.send(max(voters)[1], TimeoutNow(m.group, m.term))
    follow(m, Cause.REMOVED, m.term, None)


def hand_over(m: Member, to: str) -> None:
    """Begins to hand the lead to a voter; new proposals wait for the outcome. ChangeRefused."""
    if m.role is not Role.LEADER:
        raise ChangeRefused(f"{m.name} does not lead group {m.group}, so it cannot hand it over")
    if to == m.name or not m.log.configuration.votes(to):
        raise ChangeRefused(f"the lead of group {m.group} cannot go to {to}: choose another voter")
    m.transfer = Transfer(to, m.now_s + m.settings.election_s)
    hand_over_if_ready(m)


def hand_over_if_ready(m: Member) -> None:
    """The successor has the whole log: it may stand at once."""
    if m.transfer is None or m.role is not Role.LEADER:
        return
    if m.transfer.to not in m.progress:
        m.transfer = None
    elif m.progress[m.transfer.to].match == m.log.last_index:
        m.told_to_stand = True
        m.send(m.transfer.to, TimeoutNow(m.group, m.term))


def give_up_hand_over(m: Member) -> None:
    """The successor did not take it in an election time: this leader goes on."""
    if m.transfer is not None and m.transfer.until_s <= m.now_s:
        m.transfer = None
