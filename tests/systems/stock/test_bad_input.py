"""Every operation of the API with anything that its document allows, and with what it does not: never a 500."""

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from tests.systems.cinema.staff import bearer
from tests.systems.stock.conftest import OpenStock

API = "/api/stock/v1"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_whatever_is_asked_the_answer_is_as_documented(open_stock: OpenStock, mode: GenerationMode) -> None:
    site = await open_stock()
    document = (await site.client.get("/openapi.json")).json()
    document["paths"] = {
        path: {method: each for method, each in item.items() if _may_be_wrong(each) or mode is GenerationMode.POSITIVE}
        for path, item in document["paths"].items()
        if path.startswith(API)
    }
    headers = await bearer(site, "owner")
    await asyncio.to_thread(_ask_everything, document, site.url, mode, headers)


def _may_be_wrong(operation: dict[str, Any]) -> bool:
    """Whether there is anything in such a request that could be wrong."""
    return bool(operation.get("parameters") or operation.get("requestBody"))


def _ask_everything(document: dict[str, Any], url: str, mode: GenerationMode, headers: dict[str, str]) -> None:
    checks = [response_schema_conformance, content_type_conformance]

    def judge(case: schemathesis.Case) -> None:
        answer = case.call(base_url=url, headers=headers)
        assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"
        case.validate_response(answer, checks=checks)

    bounded = settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        bounded(given(case=result.ok().as_strategy(generation_mode=mode))(judge))()
