"""Which children a site has: the engines that it names by URL are somebody else's."""

from dataclasses import replace
from pathlib import Path

import pytest

from serai.app.plan import PORTS, RoleUrls, Site, plan
from serai.runtime.settings import RuntimeSettings


def site(data: Path, *systems: str, **settings: str) -> Site:
    known = replace(RuntimeSettings(data=data, port=9000), **settings)  # type: ignore[arg-type]  # all of them are words
    return Site(known, systems, RoleUrls("app", "jobs", "owner"), None, 3, 4)


@pytest.mark.parametrize(
    ("child", "system", "setting"),
    [("coordination", "coordination", "etcd_url"), ("gateway", "payments", "stripe_url"), ("mailbox", "", "smtp_url")],
)
def test_an_engine_is_kept_unless_another_is_named(tmp_path: Path, child: str, system: str, setting: str) -> None:
    kept = {one.name: one for one in plan(site(tmp_path, system))}
    assert kept[child].url.endswith(f":{9000 + PORTS[child]}") and not kept[child].vital
    assert child in kept["web-1"].after and child in kept["jobs"].after
    assert child not in {one.name for one in plan(site(tmp_path, system, **{setting: "http://elsewhere:1"}))}


def test_a_store_that_nobody_uses_is_not_kept(tmp_path: Path) -> None:
    assert "coordination" not in {one.name for one in plan(site(tmp_path, "payments"))}


@pytest.mark.parametrize(
    ("told", "url"), [("", f"http://127.0.0.1:{9000 + PORTS['coordination']}"), ("http://e:1",) * 2]
)
def test_every_child_is_told_which_store_there_is(tmp_path: Path, told: str, url: str) -> None:
    for child in plan(site(tmp_path, "coordination", etcd_url=told)):
        assert child.launch.env["SERAI_ETCD_URL"] == url
