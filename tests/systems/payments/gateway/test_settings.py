from dataclasses import replace
from pathlib import Path

import pytest

from serai.kernel.errors import Misconfigured
from serai.systems.payments.gateway.server import serve
from serai.systems.payments.gateway.settings import GatewaySettings, WebhookTarget

GOOD = GatewaySettings(Path("gateway.sqlite3"), ("sk_test_1",))


def test_good_settings_have_no_problem_and_never_show_secrets() -> None:
    shown = repr(replace(GOOD, webhooks=(WebhookTarget("http://x", "whsec_hidden"),)))
    assert GOOD.validate() == []
    assert "sk_test_1" not in shown
    assert "whsec_hidden" not in shown


@pytest.mark.parametrize(
    "change",
    [
        {"secret_keys": ()},
        {"secret_keys": ("pk_test_1",)},
        {"public_url": "127.0.0.1:8426"},
        {"queue_max": 0},
        {"endpoints_max": 0, "webhooks": (WebhookTarget("http://x", "whsec"),)},
    ],
)
async def test_bad_settings_refuse_to_start(change: dict, clock) -> None:
    settings = replace(GOOD, **change)
    assert len(settings.validate()) == 1
    with pytest.raises(Misconfigured):
        await serve(settings, 0, clock, None)
