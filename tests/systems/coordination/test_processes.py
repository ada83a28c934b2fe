"""Members as real processes under kill -9: nothing acknowledged is lost, and another leads soon."""

import os
from pathlib import Path

from tests.systems.coordination.load import Load, assert_nothing_lost
from tests.systems.coordination.processes import Site

from serai.protocols.etcd.messages import rpc

KILLS = int(os.environ.get("SERAI_TEST_LEADER_KILLS", "5"))
"""Leaders that die under load in one run; `.ci/run` takes 20."""
LEADERLESS_MAX_S = 3.0


async def test_leaders_die_under_load_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    async with Site(tmp_path, 3) as site:
        await site.start()
        leader = await site.leader()
        load = Load([member.stub for member in site.members.values()])
        load.start()
        gaps_s = []
        for _ in range(KILLS):
            await load.more(100)
            await site[leader].kill()
            gaps_s.append(await load.writes_again_s())
            dead, leader = leader, await site.leader(other_than=leader)
            await site[dead].start()
        await load.more(100)
        await load.stop()
        assert max(gaps_s) < LEADERLESS_MAX_S, f"without a leader for {gaps_s} s"
        for member in site.members.values():
            await assert_nothing_lost(member.stub, load.acknowledged)
        hashes = set()
        for member in site.members.values():
            answer = await member.stub("Maintenance/HashKV", rpc.HashKVRequest())
            hashes.add((answer.hash, answer.compact_revision, answer.header.revision))
        assert len(hashes) == 1
