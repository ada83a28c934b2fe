"""How a new member enters a cluster: it asks a member that is in it who they are, and finds itself among them."""

from pathlib import Path

from serai.kernel.errors import Misconfigured
from serai.systems.coordination.client import Client, Deadlines, Tls
from serai.systems.coordination.cluster.identity import Identity
from serai.systems.coordination.errors import Away
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.words import MemberInfo

JOIN_S = 10.0
"""How long the member that is asked for the cluster may take to answer."""


class CannotJoin(Misconfigured):
    """The cluster does not know this member, or does not answer."""

    code = "coordination_cannot_join"


async def joined(settings: CoordinationSettings) -> Identity:
    """As the cluster knows this member: by its peer URL, under which an operator has added it. CannotJoin."""
    try:
        async with Client(settings.join_url, tls=_as_client(settings), deadlines=Deadlines(call_s=JOIN_S)) as cluster:
            answer = await cluster.members()
    except Away as error:
        raise CannotJoin(f"{settings.join} does not say who its members are: {error}; correct --join.") from error
    own = next((member for member in answer.members if settings.peer_url in member.peerURLs), None)
    if own is None:
        raise CannotJoin(
            f"the cluster at {settings.join} has no member at {settings.peer_url}; add it first:"
            f" etcdctl member add {settings.name} --peer-urls={settings.peer_url}"
        )
    members = tuple([MemberInfo(one.ID, one.name, tuple(one.peerURLs)) for one in answer.members])
    return Identity(answer.header.cluster_id, own.ID, settings.name, members, founder=False)


def _as_client(settings: CoordinationSettings) -> Tls | None:
    """Of another member's door: what is set for this one's own, if the URL names no files."""
    if not settings.certificate or "?" in settings.join:
        return None
    authority = settings.client_authority or settings.peer_authority
    return Tls(Path(authority) if authority else None, Path(settings.certificate), Path(settings.key))
