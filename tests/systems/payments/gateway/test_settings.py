import socket
from dataclasses import replace

import pytest

from serai.kernel.errors import Misconfigured
from serai.runtime.settings import Configuration
from serai.systems.payments.gateway.server import serve
from serai.systems.payments.gateway.settings import GatewaySettings

GOOD = GatewaySettings(secret_keys=("sk_test_1",))


def test_the_defaults_are_sound_and_the_environment_is_read() -> None:
    configuration = Configuration(
        environment={"SERAI_GATEWAY_BATCH_MAX": "8", "SERAI_GATEWAY_SECRET_KEYS": "sk_test_1"}
    )
    loaded = configuration.get(GatewaySettings)
    assert (loaded.batch_max, loaded.secret_keys, loaded.problems()) == (8, ("sk_test_1",), [])
    assert [origin.value for origin in configuration.origins if origin.name == "gateway.secret_keys"] == ["(hidden)"]


async def test_a_port_in_use_is_said_so(clock, tmp_path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(Misconfigured, match="payments gateway cannot listen on"),
    ):
        await serve(replace(GOOD, directory=tmp_path), other.getsockname()[1], clock, None)


@pytest.mark.parametrize(
    "change",
    [
        {"secret_keys": ()},
        {"secret_keys": ("pk_test_1",)},
        {"public_url": "127.0.0.1:8426"},
        {"queue_max": 0},
        {"webhook_url": "http://127.0.0.1:8420/hook"},
    ],
)
async def test_bad_settings_refuse_to_start(change: dict, clock, tmp_path) -> None:
    with pytest.raises(Misconfigured, match=r"gateway\."):
        await serve(replace(GOOD, directory=tmp_path, **change), 0, clock, None)
