"""The gallery's console, asked through its ASGI door."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from starlette.types import ASGIApp


@pytest.fixture(scope="session")
def gallery_module() -> ModuleType:
    """tests/web/gallery.py; test folders are no packages, so it is loaded by its path."""
    name = "serai_test_gallery"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("gallery.py"))
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def gallery(gallery_module):
    return gallery_module.Gallery()


@pytest.fixture
def shell(gallery_module, gallery):
    return gallery_module.build(gallery)[1]


class Client:
    """Asks the application directly, one request at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self._get(path, headers))

    async def _get(self, path: str, headers: dict[str, str] | None) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
            return await client.get(path, headers=headers)


@pytest.fixture
def client(gallery_module, gallery) -> Client:
    return Client(gallery_module.build(gallery)[0])
