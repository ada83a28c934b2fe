"""What a client of the store meets beside the store's own refusals (../errors.py), which it raises as they are.

CoordinationError
├── Away
│   ├── Unreachable  503  no member could be reached: nothing was done
│   └── Unanswered   503  the answer did not come: it may have been done
├── Refusal
│   ├── KeyChanged   409  somebody else changed the key first
│   └── LeaseLost    409  a lease could not be kept: whoever relied on it must stop
└── Foreign          503  the store says something that etcd does not say
"""

from serai.systems.coordination.errors import Away, CoordinationError, Refusal


class Unreachable(Away):
    """No member could be reached: nothing was done."""

    code = "coordination_unreachable"
    title = "No member of the store can be reached; nothing was done"


class Unanswered(Away):
    """The answer did not come: it may have been done. Look before asking again."""

    code = "coordination_unanswered"
    title = "The store did not answer: it may have been done. Look before asking again"


class KeyChanged(Refusal):
    """Somebody else changed the key first: read it again."""

    code = "coordination_key_changed"
    title = "Somebody else changed the key first"


class LeaseLost(Refusal):
    """A lease could not be kept. Whoever relied on it must stop: another may be at it already."""

    code = "coordination_lease_lost"
    title = "A lease could not be kept"


class Foreign(CoordinationError):
    """The store says something that etcd does not say."""

    status = 503
    code = "coordination_foreign"
    title = "The store gives an answer that is none of etcd's"
