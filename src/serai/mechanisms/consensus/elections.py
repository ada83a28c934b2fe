"""Who leads: standing for election, judging who stands, and stepping down.

It prevents two leaders in one term (a vote is durable before it is told, the member's own vote too), a leader without
all that was committed (a voter refuses a shorter log), and the unrest of a member that was cut off: it asks first
(pre-vote), is ignored while a leader is heard, and is told when its term is over, so that it is never stuck.
"""

from serai.mechanisms.consensus import roles
from serai.mechanisms.consensus.errors import SafetyBroken
from serai.mechanisms.consensus.member import Member, Reads
from serai.mechanisms.consensus.messages import (
    AnyMessage,
    Kind,
    PreVote,
    PreVoteReply,
    Stale,
    TimeoutNow,
    Vote,
    VoteReply,
)
from serai.mechanisms.consensus.progress import Progress
from serai.mechanisms.consensus.quorum import Verdict, verdict
from serai.mechanisms.consensus.roles import Cause, Role


def follow(m: Member, cause: Cause, term: int, leader: str | None) -> None:
    """Becomes a follower in `term`; whatever a leader had under way is over."""
    assert term >= m.term, "terms never go back"
    m.role = roles.after(m.role, cause)
    if term > m.term:
        m.term, m.vote, m.out.vote_changed = term, None, True
    m.leader = leader
    m.ballots.clear()
    _stop_leading(m)
    m.rest_until_election()


def _stop_leading(m: Member) -> None:
    m.progress.clear()
    m.transfer = None
    m.told_to_stand = False
    m.out.dropped += [proposal.token for proposal in m.queue]
    m.queue.clear()
    m.queue_bytes = 0
    m.out.unreadable += [token for name, token in (*m.reads.waiting, *m.reads.asking) if name == m.name]
    m.reads = Reads(forwarded=m.reads.forwarded)


def ask_to_stand(m: Member) -> None:
    """No leader was heard: asks who would vote, if this member has a vote itself."""
    m.rest_until_election()
    if not may_stand(m):
        return
    m.role = roles.after(m.role, Cause.HEARD_NOBODY)
    m.leader = None
    m.ballots = {m.name: True}
    if verdict(m.log.configuration, m.ballots) is Verdict.WON:
        stand(m, Cause.WOULD_WIN)
        return
    _ask(m, PreVote(m.group, m.term + 1, m.log.last_index, m.log.last_term))


def may_stand(m: Member) -> bool:
    """A voter, or one that was until a change that may never be committed.

    Only it may have the entry of that change; if it did not stand, nobody with a shorter log could be elected.
    """
    return m.log.configuration.votes(m.name) or m.log.outvoted(m.name)


def stand(m: Member, cause: Cause) -> None:
    """A new term, a vote for itself, and the question to all. Its own vote counts when it is durable, as others' do."""
    m.role = roles.after(m.role, cause)
    m.term, m.vote, m.out.vote_changed = m.term + 1, m.name, True
    m.leader = None
    m.ballots = {}
    m.rest_until_election()
    m.send(m.name, VoteReply(m.group, m.term, True))
    transfer = cause is Cause.TOLD_TO_STAND
    _ask(m, Vote(m.group, m.term, m.log.last_index, m.log.last_term, transfer))


def _ask(m: Member, question: AnyMessage) -> None:
    configuration = m.log.configuration
    for name in sorted({*configuration.voters, *configuration.outgoing} - {m.name}):
        m.send(name, question)


def lead(m: Member) -> None:
    """Elected: nothing is known of the others' logs but that none holds more committed entries than ours."""
    m.role = roles.after(m.role, Cause.ELECTED)
    m.leader = m.name
    m.ballots.clear()
    m.heartbeat_due_s = m.now_s + m.settings.heartbeat_s
    others = sorted(m.log.configuration.everyone - {m.name})
    m.progress = {name: Progress(next=m.log.last_index + 1, heard_s=m.now_s) for name in others}
    m.append(Kind.EMPTY, b"")


def judge_pre_vote(m: Member, sender: str, message: PreVote) -> None:
    """Would this member vote so? Not while it hears a leader, and not for a log that lacks something."""
    if message.term <= m.term:
        m.send(sender, Stale(m.group, m.term))
        return
    granted = not m.believes_in_leader() and m.log.reaches(message.last_index, message.last_term)
    m.send(sender, PreVoteReply(m.group, message.term, granted))


def count_pre_vote(m: Member, sender: str, message: PreVoteReply) -> None:
    """Stands as soon as a majority would vote for it."""
    if message.term != m.term + 1:
        return
    m.ballots.setdefault(sender, message.granted)
    match verdict(m.log.configuration, m.ballots):
        case Verdict.WON:
            stand(m, Cause.WOULD_WIN)
        case Verdict.LOST:
            follow(m, Cause.WOULD_LOSE, m.term, None)
        case Verdict.PENDING:
            pass


def judge_vote(m: Member, sender: str, message: Vote) -> None:
    """One vote a term, for a log that lacks nothing."""
    free = m.vote is None and m.leader is None
    loyal = m.believes_in_leader() and not message.transfer
    granted = (free or m.vote == sender) and not loyal and m.log.reaches(message.last_index, message.last_term)
    if granted:
        m.out.vote_changed |= m.vote is None
        m.vote = sender
        m.rest_until_election()
    m.send(sender, VoteReply(m.group, m.term, granted))


def count_vote(m: Member, sender: str, message: VoteReply) -> None:
    """Leads as soon as a majority has voted for it."""
    m.ballots.setdefault(sender, message.granted)
    match verdict(m.log.configuration, m.ballots):
        case Verdict.WON:
            lead(m)
        case Verdict.LOST:
            follow(m, Cause.WOULD_LOSE, m.term, None)
        case Verdict.PENDING:
            pass


def refuse_vote(m: Member, sender: str, message: Vote) -> None:
    """Whoever stands or leads in this term has voted for itself."""
    m.send(sender, VoteReply(m.group, m.term, False))


def stand_at_once(m: Member, sender: str, _message: TimeoutNow) -> None:
    """The leader hands over. A member that has no vote meanwhile stays where it is."""
    heed_leader(m, sender)
    if may_stand(m):
        stand(m, Cause.TOLD_TO_STAND)


def heed_leader(m: Member, sender: str) -> None:
    """Somebody leads this term: a follower follows, a candidate gives up."""
    if m.leader not in (None, sender):
        raise SafetyBroken(f"{m.leader} and {sender} both lead group {m.group} in term {m.term}")
    m.leader_heard_s = m.now_s
    if m.role is Role.FOLLOWER:
        m.leader = sender
        m.rest_until_election()
    else:
        follow(m, Cause.HEARD_LEADER, m.term, sender)
