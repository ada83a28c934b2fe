"""Static files: kept for a year under an address that their content decides."""

import gzip

from serai.web.assets import Assets


def test_a_file_is_kept_for_a_year_and_confirmed_by_its_tag(client, shell):
    url = shell.assets.url("tokens.css")
    answer = client.get(url, headers={"accept-encoding": "identity"})
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "content-encoding" not in answer.headers
    again = client.get(url, headers={"accept-encoding": "identity", "if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_text_is_compressed_under_a_tag_of_its_own_and_fonts_are_not(client, shell):
    url = shell.assets.url("components.css")
    plain = client.get(url, headers={"accept-encoding": "identity"})
    zipped = client.get(url, headers={"accept-encoding": "br, gzip"})
    assert zipped.headers["content-encoding"] == "gzip" and zipped.headers["vary"] == "accept-encoding"
    assert zipped.text == plain.text and zipped.headers["etag"] != plain.headers["etag"]
    assert int(zipped.headers["content-length"]) < len(plain.content) / 3
    font = client.get(shell.assets.url("vendor/inter-5.3.0/files/inter-latin-wght-normal.woff2"))
    assert "content-encoding" not in font.headers and font.headers["content-type"] == "font/woff2"


def test_an_old_address_still_answers_without_the_long_promise(client):
    answer = client.get("/static/0123456789ab/tokens.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


def test_nothing_outside_the_folders_is_served(client, shell):
    for name in ("nothing.css", "%2e%2e%2fshell.py", "..%2f..%2fshell.py", "%2fetc%2fpasswd"):
        assert client.get(f"/static/{shell.assets.version}/{name}").status_code == 404


def test_a_changed_file_changes_every_address(tmp_path):
    (tmp_path / "a.css").write_text("a{}")
    before = Assets({"x/": tmp_path}).url("x/a.css")
    assert Assets({"x/": tmp_path}).url("x/a.css") == before
    (tmp_path / "a.css").write_text("b{}")
    assert Assets({"x/": tmp_path}).url("x/a.css") != before


def test_compression_is_the_same_on_every_process(tmp_path):
    (tmp_path / "a.js").write_text("let a = 1;\n" * 200)
    first, second = (Assets({"": tmp_path})._files["a.js"].gzipped for _ in range(2))
    assert first == second and gzip.decompress(first).startswith(b"let a")


def test_every_library_ships_its_licence():
    from serai.web.shell import HERE

    folders = [path for path in (HERE / "static" / "vendor").iterdir() if path.is_dir()]
    assert len(folders) >= 4
    assert [folder.name for folder in folders if not (folder / "LICENSE").is_file()] == []
