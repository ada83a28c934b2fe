"""What every response forbids."""

from serai.web.security import ContentPolicy


def directives(header: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in header.split(";") if " " in part.strip())


def test_every_response_carries_a_policy_without_inline_code(client, shell):
    for path in ("/", "/missing", "/nowhere-at-all", shell.assets.url("shell.js")):
        headers = client.get(path).headers
        policy = directives(headers["content-security-policy"])
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_somebody_elses_html_is_sandboxed_and_keeps_its_own_policy(client):
    policy = client.get("/mailbox/m0/body").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;") and "script-src" not in policy
    assert directives(policy)["default-src"] == "'none'" and directives(policy)["frame-ancestors"] == "'self'"


def test_a_payment_page_may_name_one_more_host():
    policy = directives(ContentPolicy().also("https://js.stripe.com").header())
    assert policy["script-src"] == policy["frame-src"] == policy["connect-src"] == "'self' https://js.stripe.com"
    assert policy["style-src"] == "'self'"
