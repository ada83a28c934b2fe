"""Texts that prove something are read exactly as written, and no other text is taken for one."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from serai.runtime.world import SystemRandom
from serai.systems.identity.credentials import (
    KEY_PREFIX,
    Signer,
    key_hint,
    new_key,
    new_token,
    parse_key,
    parse_token,
)

RANDOM = SystemRandom()
TENANT = UUID("0192f0c1-2a3b-7c4d-8e5f-a0b1c2d3e4f5")


def test_a_key_says_its_tenant_and_hides_the_rest() -> None:
    text = new_key(TENANT, RANDOM)
    token = parse_key(text)
    assert token is not None
    assert token.tenant == TENANT
    assert text.startswith(KEY_PREFIX) and len(text) == 65
    assert key_hint(text) == text[:15]
    assert text[len(KEY_PREFIX) :] not in repr(token)


def test_no_two_keys_are_alike() -> None:
    texts = {new_key(TENANT, RANDOM) for _ in range(100)}
    assert len({parse.digest for text in texts if (parse := parse_key(text))}) == 100


@given(st.text(max_size=80))
def test_other_texts_are_no_tokens(text: str) -> None:
    assert parse_token(text) is None or len(text) == 56
    assert parse_key(text) is None


def test_a_mangled_token_is_none() -> None:
    text = new_token(TENANT, RANDOM)
    assert parse_token(text) is not None
    for mangled in (text[:-1], text + "A", "!" + text[1:], text[:-1] + "=", "é" + text[1:]):
        assert parse_token(mangled) is None


def test_a_guest_is_known_only_by_our_signature() -> None:
    ours, theirs = Signer(b"a" * 32), Signer(b"b" * 32)
    cookie = ours.new_guest(RANDOM)
    assert ours.guest_name(cookie) == cookie.partition(".")[0]
    assert theirs.guest_name(cookie) is None
    other = ours.new_guest(RANDOM)
    assert ours.guest_name(f"{cookie.partition('.')[0]}.{other.partition('.')[2]}") is None
    assert ours.guest_name("") is None
    assert ours.guest_name("é" * 45) is None


def test_a_form_token_fits_one_cookie_of_one_site() -> None:
    signer = Signer(b"a" * 32)
    token = signer.new_csrf("cookie", RANDOM)
    assert signer.csrf_fits(token, "cookie")
    assert not signer.csrf_fits(token, "another cookie")
    assert not Signer(b"b" * 32).csrf_fits(token, "cookie")
    assert not signer.csrf_fits("", "cookie")
    assert token != signer.new_csrf("cookie", RANDOM), "salted: compression reveals nothing"


@given(st.text(max_size=200))
def test_a_sealed_note_comes_back_and_no_other_does(note: str) -> None:
    ours, theirs = Signer(b"a" * 32), Signer(b"b" * 32)
    if not note.isprintable():
        note = note.encode(errors="replace").decode()
    assert ours.unseal(ours.seal(note)) == note
    assert theirs.unseal(ours.seal(note)) is None
    assert ours.unseal(note) is None
    assert ours.unseal(f"{ours.seal(note + 'x').partition('.')[0]}.{ours.seal(note).partition('.')[2]}") is None
