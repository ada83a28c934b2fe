"""The words of identity: roles, addresses and names, and what is none of them."""

import pytest

from serai.kernel.errors import Invalid
from serai.systems.identity.model import (
    NAMED_ROLES,
    checked_email,
    checked_name,
    checked_password,
    checked_roles,
    checked_slug,
    email_key,
    expand_roles,
)


def test_named_roles_become_what_they_allow() -> None:
    assert expand_roles(["owner"]) == {"*"}
    assert expand_roles(["door-staff", "files:read"]) == {"cinema:door", "cinema:view", "files:read"}
    assert expand_roles([]) == frozenset()
    assert all(checked_roles(allowed) for allowed in NAMED_ROLES.values()), "each is made of roles"


def test_case_and_composition_make_no_other_person() -> None:
    assert email_key(" Ada@Example.ORG ") == email_key("ada@example.org")
    assert email_key("e\u0301@example.org") == email_key("é@example.org")
    assert email_key("ada@example.org") != email_key("ada@example.com")


@pytest.mark.parametrize("email", ["ada@example.org", "a.b+c@d.e.f", "é@xn--9ca.example"])
def test_an_address_is_kept_as_typed(email: str) -> None:
    assert checked_email(f" {email} ") == email


@pytest.mark.parametrize(
    "email", ["", "ada", "@example.org", "ada@", "a b@example.org", "a@b", "a@b..c", "a@@b.c", "a\x00@b.c"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_email(email)
    assert refused.value.errors[0].field == "email"


def test_lone_surrogates_never_reach_the_database() -> None:
    for check in (checked_name, checked_email, checked_password):
        with pytest.raises(Invalid):
            check("ada\ud800@example.org, long enough")


@pytest.mark.parametrize("slug", ["a", "kino-central", "x" * 63, "7"])
def test_a_slug_is_kept(slug: str) -> None:
    assert checked_slug(slug) == slug
