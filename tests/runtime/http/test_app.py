"""Whoever watches a site learns whether it lives, whether it can serve, and what it counted."""

from .conftest import OpenSite, Site


async def test_it_lives_and_is_ready(site: Site) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await site.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")


async def test_one_that_cannot_serve_lives_and_says_why(open_site: OpenSite) -> None:
    client = (await open_site(refuses=True)).client
    assert (await client.get("/healthz")).status_code == 200
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The moon is not up.")


async def test_requests_are_counted_by_route_not_by_path(site: Site) -> None:
    for number in range(3):
        await site.client.get(f"/api/orders/counted-{number}")
    said = (await site.client.get("/metrics")).text
    assert 'serai_http_requests_total{method="GET",route="/api/orders/{secret}",status="200"}' in said
    assert "counted-" not in said


async def test_the_document_describes_refusals_and_hides_what_is_not_api(site: Site) -> None:
    document = (await site.client.get("/openapi.json")).json()
    operation = document["paths"]["/api/orders"]["post"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert "/healthz" not in document["paths"]
    assert document["components"]["schemas"]["Order"]["additionalProperties"] is False
