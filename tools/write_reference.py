"""Writes docs/reference from the code and a migrated database: python tools/write_reference.py [--check].

What a page says is read from what runs, so it cannot lag behind; `--check` says which pages do, and exits with 1.
"""

import importlib
import json
import pkgutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

import click  # noqa: E402  # the package may not be installed
import psycopg  # noqa: E402
from prometheus_client import REGISTRY  # noqa: E402

import serai  # noqa: E402
from serai.app.assembly import all_migrations  # noqa: E402
from serai.app.cli import cli  # noqa: E402
from serai.app.registry import all_systems  # noqa: E402
from serai.kernel.errors import Misconfigured, SeraiError  # noqa: E402
from serai.protocols.etcd.table import RPCS  # noqa: E402
from serai.runtime.postgres.engine import find_engine  # noqa: E402
from serai.runtime.postgres.migrations import migrate  # noqa: E402
from serai.runtime.postgres.server import ROLES, SUPERUSER, EmbeddedServer, Tuning  # noqa: E402
from serai.runtime.processes import service_account  # noqa: E402
from serai.runtime.settings import RuntimeSettings, Settings  # noqa: E402
from serai.runtime.sockets import free_port  # noqa: E402
from serai.runtime.telemetry import FIGURES  # noqa: E402
from serai.systems.coordination.errors import BY_CODE, CoordinationError  # noqa: E402
from serai.systems.coordination.handlers.service import DIFFERENCES, served  # noqa: E402
from serai.systems.payments.gateway.errors import GatewayError  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"
HELP_COLUMNS = 100

_BY = "This page is written by `python tools/write_reference.py`; a test compares it with the code."


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def page(title: str, *parts: str | Sequence[str]) -> str:
    """A page from paragraphs and tables."""
    blocks = [part if isinstance(part, str) else "\n".join(part) for part in parts]
    return "\n\n".join([f"# {title}", *blocks, _BY]) + "\n"


def import_everything() -> None:
    """So that every class that is written is known."""
    for module in pkgutil.walk_packages(serai.__path__, "serai."):
        if module.name != "serai.runtime.leash":  # a script, not a module
            importlib.import_module(module.name)


def heirs(base: type[Any]) -> Iterator[type[Any]]:
    """All classes of ours below `base`; a test may have made others."""
    for heir in base.__subclasses__():
        if heir.__module__.startswith("serai."):
            yield heir
            yield from heirs(heir)


def sentence(described: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((described.__doc__ or "").split("\n\n")[0].split())


# Settings -----------------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every Settings class."""
    rooms = sorted({*heirs(Settings)}, key=lambda room: (room is not RuntimeSettings, room.room))
    parts: list[str | Sequence[str]] = [
        "Sources, strongest first: command line, environment, `serai.toml` (`[room] name`, the runtime's own without a"
        " room), default. `serai settings` shows what is in force and where it came from."
    ]
    for room in rooms:
        parts += [f"## {room.room or 'Runtime'}", sentence(room), table(_SETTING_HEAD, [*_setting_rows(room)])]
    return page("Settings", *parts)


_SETTING_HEAD = ("name", "variable", "type", "unit", "default", "meaning", "zero or empty")


def _setting_rows(room: type[Settings]) -> Iterator[list[str]]:
    hints = get_type_hints(room)
    for item in fields(room):
        name = f"{room.room}_{item.name}" if room.room else item.name
        told = item.metadata
        kind = getattr(hints[item.name], "__name__", str(hints[item.name]))
        secret = " Secret: never shown." if told["secret"] else ""
        yield [
            f"`{item.name}`",
            f"`SERAI_{name.upper()}`",
            kind,
            told["unit"],
            _default(name, item.default),
            told["doc"] + secret,
            told["zero"],
        ]


def _default(name: str, value: object) -> str:
    if name == "data":  # differs by who reads it
        return "`~/.serai`; as root `/var/lib/serai`"
    shown = ",".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else value
    return f"`{shown}`" if shown != "" else ""


# Errors -------------------------------------------------------------------------------------------------------------


def error_classes() -> list[type[SeraiError]]:
    """Those with a code of their own. The gateway's tree is left out: its codes are Stripe's, on Stripe's API."""
    found = {SeraiError, *heirs(SeraiError)} - {GatewayError, *heirs(GatewayError)}
    return sorted((error for error in found if "code" in vars(error)), key=lambda error: error.code)


def errors_page() -> str:
    """Every code, its status, whether a retry helps, what it means."""
    http = [error for error in error_classes() if not issubclass(error, Misconfigured)]
    operator = [error for error in error_classes() if issubclass(error, Misconfigured)]
    rows = [
        (f"`{error.code}`", error.status, "yes" if error.retryable else "no", _system(error), _meaning(error))
        for error in http
    ]
    return page(
        "Errors",
        "Over HTTP an error is a problem document (RFC 9457) whose `code` never changes its meaning; `retryable` says"
        " whether the same request may succeed later. `Retry-After` says when, where that is known.",
        table(("code", "status", "retryable", "from", "meaning"), rows),
        "## On the command line",
        "What an operator can mend ends a program with exit code 2 and one sentence; any other error with 1.",
        table(("code", "meaning"), [(f"`{error.code}`", _meaning(error)) for error in operator]),
    )


def _system(error: type[SeraiError]) -> str:
    words = error.__module__.split(".")
    return words[2] if words[1] == "systems" else "everywhere"


def _meaning(error: type[SeraiError]) -> str:
    if error is SeraiError:
        return "A failure of ours; it was logged under the request id of the answer."
    return sentence(error).partition("`message`")[0].strip()


# Events -------------------------------------------------------------------------------------------------------------


def events_page() -> str:
    """Every type that has a schema."""
    rows = []
    for path in sorted((REFERENCE / "events").glob("*.json")):
        schema = json.loads(path.read_text())
        names = [name if name in schema["required"] else f"{name}?" for name in schema["properties"]]
        link = f"[`{path.stem}`](events/{path.name})"
        rows.append((link, schema["x-subject"], ", ".join(f"`{name}`" for name in names), schema["description"]))
    return page(
        "Events",
        "Every change of state writes one event in its own transaction. A relay delivers them at least once, in order"
        " for each subject, as CloudEvents 1.0 JSON: `id, source, type, subject, time, datacontenttype, data`. Drop"
        " what you have seen by `id`; ignore fields that you do not know. The number at the end of a type is its"
        " version: a new meaning gets a new one. `serai events tail --follow --json` shows them.",
        "A type's topic is its name without the last two words: `serai.cinema.booking.confirmed.v1` is of"
        " `serai.cinema.booking`.",
        table(("type and schema of `data`", "`subject`", "`data`", "when"), rows),
    )


# Metrics ------------------------------------------------------------------------------------------------------------


def metrics_page() -> str:
    """Every metric of ours."""
    rows = []
    for collector in REGISTRY._collector_to_names:  # the library has no public way to list metrics without samples
        name = getattr(collector, "_name", "")
        if name.startswith("serai_"):
            kind = type(collector).__name__.lower()
            labels = ", ".join(f"`{label}`" for label in collector._labelnames)
            shown = f"{name}_total" if kind == "counter" else name
            rows.append((f"`{shown}`", kind, labels, collector._documentation))
    rows += [(f"`{name}`", "gauge", f"`{label}`" if label else "", words) for name, (words, label) in FIGURES.items()]
    return page(
        "Metrics",
        "`GET /metrics` of any web process answers for all processes of the site, in Prometheus' text format. Keep it"
        " from strangers at your proxy: it tells how busy you are.",
        table(("name", "type", "labels", "meaning"), sorted(rows)),
    )


# Commands -----------------------------------------------------------------------------------------------------------


def verbs(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    with click.Context(group, **cli.context_settings) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command
            if isinstance(command, click.Group):
                yield from verbs(command, (*path, name))
            else:
                yield (*path, name), command


def commands_page() -> str:
    """Every verb with its help."""
    parts: list[str | Sequence[str]] = [
        "A mistake that you can mend is one sentence and exit code 2; what fails later is exit code 1."
    ]
    for words, command in sorted(verbs(cli), key=lambda verb: verb[0]):
        names = cli.context_settings["help_option_names"]
        context = click.Context(
            command,
            info_name=f"serai {' '.join(words)}",
            terminal_width=HELP_COLUMNS,
            max_content_width=HELP_COLUMNS,
            help_option_names=names,
        )
        parts += [f"## serai {' '.join(words)}", ["```text", command.get_help(context), "```"]]
    return page("Commands", *parts)


# etcd's API -----------------------------------------------------------------------------------------------------------


def etcd_page() -> str:
    """Every call of etcd's, whether coordination serves it, and what differs."""
    rows = [
        (
            f"`{rpc.service.partition('.')[2]}/{rpc.name}`",
            "yes" if served(rpc) else "no",
            "<br>".join(f"`{path}`" for path in rpc.paths),
            DIFFERENCES.get(f"{rpc.service.partition('.')[2]}/{rpc.name}", ""),
        )
        for rpc in RPCS
    ]
    served_errors = [error for error in sorted_errors(CoordinationError) if error.code in BY_CODE]
    refusals = [(f"`{error.code}`", error.grpc, f"`{error.etcd}`") for error in served_errors]
    return page(
        "etcd's API",
        "What coordination serves of etcd 3.7's API, by gRPC and as JSON on the same port. Calls that are not served"
        " answer UNIMPLEMENTED.",
        table(("call", "served", "JSON gateway", "differs"), rows),
        "## Refusals",
        "The status and the very words by which etcd's clients know an error.",
        table(("code", "status", "message"), refusals),
    )


def sorted_errors(root: type[Any]) -> list[Any]:
    """The leaves of a tree of errors, by code."""
    return sorted((heir for heir in heirs(root) if not heir.__subclasses__()), key=lambda heir: heir.code)


# The database -------------------------------------------------------------------------------------------------------

_OURS = "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'public')"


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    """As the superuser, who sees all."""
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def roles_page(url: str) -> str:
    """Who may do what, as the database has it."""
    grants = rows_of(
        url,
        "select g.table_schema || '.' || g.table_name, g.grantee, string_agg(lower(g.privilege_type), ', ' order by"
        " array_position(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']::text[], g.privilege_type::text))"
        " from information_schema.role_table_grants g join pg_namespace n on n.nspname = g.table_schema"
        f" where {_OURS} and g.grantee in ('serai_app', 'serai_jobs') group by 1, 2",
    )
    columns = rows_of(
        url,
        "select g.table_schema || '.' || g.table_name, g.grantee, lower(g.privilege_type) || ' (' ||"
        " string_agg(g.column_name, ', ' order by g.column_name) || ')'"
        " from information_schema.column_privileges g join pg_namespace n on n.nspname = g.table_schema"
        f" where {_OURS} and g.grantee in ('serai_app', 'serai_jobs') and not exists (select from"
        " information_schema.role_table_grants t where (t.table_schema, t.table_name, t.grantee, t.privilege_type)"
        " = (g.table_schema, g.table_name, g.grantee, g.privilege_type)) group by 1, 2, g.privilege_type"
        " order by 1, 2, 3",
    )
    tables = rows_of(
        url,
        "select n.nspname || '.' || c.relname, c.relrowsecurity and c.relforcerowsecurity from pg_class c"
        f" join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and {_OURS} order by 1",
    )
    policies = rows_of(
        url,
        "select schemaname || '.' || tablename, policyname, array_to_string(roles, ', '), coalesce(qual, ''),"
        " coalesce(with_check, '') from pg_policies order by 1, 2",
    )
    definers = rows_of(
        url,
        "select n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',"
        " pg_get_function_result(p.oid) from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        f" where p.prosecdef and {_OURS} order by 1",
    )
    granted = {(name, role): words for name, role, words in grants}
    for name, role, words in columns:
        granted[name, role] = "; ".join(filter(None, [granted.get((name, role), ""), words]))
    workers = {(name, what) for name, _, who, what, _ in policies if who == "serai_jobs"}
    rows = [
        (
            f"`{name}`",
            "yes" if guarded else "no",
            granted.get((name, "serai_app"), ""),
            granted.get((name, "serai_jobs"), ""),
        )
        for name, guarded in tables
    ]
    return page(
        "Database roles",
        "Three roles log in; none is a superuser and none bypasses row-level security (RLS). A process that is given a"
        " role which could do either, or which owns a schema, refuses to start. `serai migrate --print-roles` prints"
        " the SQL that makes them on a server of yours.",
        table(
            ("role", "setting", "what it is for"),
            [
                ("`serai_owner`", "`SERAI_POSTGRES_OWNER_URL`", "owns the schemas; migrates, backs up and restores"),
                ("`serai_app`", "`SERAI_POSTGRES_URL`", "answers requests, inside one tenant at a time"),
                ("`serai_jobs`", "`SERAI_POSTGRES_JOBS_URL`", "workers that cross tenants: sweeps, relay, recovery"),
            ],
        ),
        "## What each may do",
        "RLS means enabled and forced: `serai_app` sees the rows of its transaction's tenant and no others."
        " `serai_jobs` sees all tenants, in the tables that have a cell in its column and in no others.",
        table(("table", "RLS", "`serai_app`", "`serai_jobs`"), rows),
        "## Policies",
        table(
            ("table", "policy", "role", "sees", "writes"),
            [
                (f"`{t}`", name, who, f"`{sees}`", f"`{writes}`" if writes else "")
                for t, name, who, sees, writes in policies
            ],
        ),
        f"{len(workers)} tables are open to the workers.",
        "## Questions asked before a tenant is known",
        "Each is a function of `serai_owner` that answers for the exact thing asked for.",
        table(("function", "returns"), [(f"`{name}`", f"`{result}`") for name, result in definers]),
    )


def schema_page(url: str) -> str:
    """Tables and columns, as the migrations make them."""
    columns = rows_of(
        url,
        "select n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
        " case when a.attidentity <> '' then 'identity' else coalesce(pg_get_expr(d.adbin, d.adrelid), '') end"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid"
        " left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum"
        f" where c.relkind in ('r', 'p') and {_OURS} and n.nspname <> 'jobs' and a.attnum > 0 and not a.attisdropped"
        " order by 1, a.attnum",
    )
    constraints = rows_of(
        url,
        "select n.nspname || '.' || c.relname, pg_get_constraintdef(k.oid) from pg_constraint k"
        " join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace"
        f" where {_OURS} and n.nspname <> 'jobs' and k.contype in ('p', 'u', 'f', 'c') order by 1,"
        " position(k.contype in 'pufc'), 2",
    )
    indexes = rows_of(
        url,
        "select n.nspname || '.' || c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE ', '')"
        " from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace"
        f" where {_OURS} and n.nspname <> 'jobs' and not exists (select from pg_constraint k where k.conindid ="
        " i.indexrelid) order by 1, 2",
    )
    parts: list[str | Sequence[str]] = [
        "One PostgreSQL schema a system; no foreign keys across them. The schema `jobs` is procrastinate's own and is"
        " left out. Nobody but the system itself reads its tables: others ask its API."
    ]
    for name in dict.fromkeys(row[0] for row in columns):
        own = [row[1:] for row in columns if row[0] == name]
        shown = [(f"`{c}`", kind, "" if required else "yes", f"`{d}`" if d else "") for c, kind, required, d in own]
        rules = [f"- `{rule}`" for table_name, rule in [*constraints, *indexes] if table_name == name]
        parts += [f"## {name}", table(("column", "type", "null", "default"), shown), rules]
    return page("Schema", *parts)


@contextmanager
def migrated_server() -> Iterator[str]:
    """A PostgreSQL with all migrations, for as long as it is looked at; its superuser's URL."""
    with tempfile.TemporaryDirectory(prefix="serai-reference-") as place:
        Path(place).chmod(0o711)
        account = service_account()
        engine = find_engine(account=account, copies=Path(place) / "engine")
        passwords = dict.fromkeys((*ROLES, SUPERUSER), "reference")
        server = EmbeddedServer(
            engine, Path(place) / "postgres", free_port(), passwords, account=account, tuning=Tuning(fsync=False)
        )
        server.prepare()
        server.start()
        try:
            server.wait_ready()
            migrate(server.url("serai_owner"), all_migrations(all_systems()))
            yield server.url(SUPERUSER)
        finally:
            server.stop()


def pages(url: str) -> dict[str, str]:
    """Every page by its file name; `url` is the superuser's, of a migrated database."""
    import_everything()
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "events.md": events_page(),
        "metrics.md": metrics_page(),
        "commands.md": commands_page(),
        "roles.md": roles_page(url),
        "schema.md": schema_page(url),
        "etcd.md": etcd_page(),
    }


def main(arguments: Sequence[str]) -> int:
    """Writes, or with --check compares."""
    with migrated_server() as url:
        made = pages(url)
    stale = [name for name, text in made.items() if not _same(REFERENCE / name, text)]
    if "--check" not in arguments:
        for name in stale:
            (REFERENCE / name).write_text(made[name])
    for name in stale:
        print(f"{'stale' if '--check' in arguments else 'wrote'}: docs/reference/{name}")  # noqa: T201  # a tool
    return 1 if stale and "--check" in arguments else 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
