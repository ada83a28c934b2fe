"""A site in miniature, for the supervisor to keep: each child does the least that its name promises."""

import os
import signal
import socket
import sys

import psycopg

from serai.runtime.control import say_progress, say_ready


def prepare() -> None:
    with psycopg.connect(os.environ["SERAI_POSTGRES_OWNER_URL"], autocommit=True) as connection:
        connection.execute("create table if not exists starts (n int)")
        connection.execute("insert into starts values (1)")
        connection.execute("grant select on starts to serai_app")
    say_progress("shows", 7, 7)


def serve(listening: socket.socket) -> None:
    """Answers every request with how often the site was started, as far as it may see the database."""
    listening.listen()
    say_ready()
    while True:
        peer, _ = listening.accept()
        peer.recv(1000)
        with psycopg.connect(os.environ["SERAI_POSTGRES_URL"]) as connection:
            row = connection.execute("select count(*) from starts").fetchone()
        assert row
        owner = "SERAI_POSTGRES_OWNER_URL" in os.environ
        peer.sendall(f"HTTP/1.0 200 OK\r\n\r\nstarts {row[0]} owner {owner}".encode())
        peer.close()


def wait() -> None:
    say_ready()
    signal.pause()


match sys.argv[1]:
    case "prepare":
        prepare()
    case "web":
        serve(socket.socket(fileno=int(os.environ["SERAI_WEB_FD"])))
    case _:
        wait()
