"""Settings that would open a site to others do so only when somebody has said that it is meant."""

import pytest

from serai.kernel.errors import Misconfigured
from serai.runtime.settings import Configuration, RuntimeSettings


def settings(**values: object) -> RuntimeSettings:
    return Configuration(values, environment={}).get(RuntimeSettings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "serai.example"])
def test_another_address_than_loopback_needs_tls_or_a_word(host: str) -> None:
    with pytest.raises(Misconfigured, match=r"passwords would travel in the clear.*SERAI_ALLOW_PLAIN_HTTP"):
        settings(host=host)
    with pytest.raises(Misconfigured):
        settings(host=host, public_url="http://serai.example")
    assert not settings(host=host, public_url="https://serai.example").only_here
    assert not settings(host=host, allow_plain_http=True).only_here


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    assert settings(host=host).only_here
    assert settings(host=host, public_url="http://localhost:9000").only_here


@pytest.mark.parametrize(
    "told",
    [{"public_url": "https://serai.example"}, {"trusted_proxies": ("10.0.0.1",)}, {"public_url": "nonsense://x"}],
)
def test_a_site_that_is_announced_elsewhere_is_reached_from_there(told: dict[str, object]) -> None:
    assert not settings(**told).only_here
