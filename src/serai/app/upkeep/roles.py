"""The three database roles of an outside server, as SQL for the one who runs it."""

from serai.kernel.ports import Random
from serai.runtime.postgres.server import DATABASE, ROLES

PASSWORD_BYTES = 18

_PURPOSE = {
    "serai_owner": ("SERAI_POSTGRES_OWNER_URL", "owns the schemas and migrates them; nothing else uses it"),
    "serai_app": ("SERAI_POSTGRES_URL", "answers requests; sees one tenant at a time"),
    "serai_jobs": ("SERAI_POSTGRES_JOBS_URL", "workers that cross tenants, on the tables that need it"),
}


def roles_sql(random: Random) -> str:
    """Makes the roles with fresh passwords and the database; to be run once by a superuser.

    The URLs for the site's settings stand beside each role; HOST is the reader's to fill in.
    """
    lines = [
        "-- Run once as a superuser, for example: serai migrate --print-roles | psql -v ON_ERROR_STOP=1 -d postgres",
        "-- The passwords are new at every print: keep this output as you keep secrets.",
    ]
    for role in ROLES:
        variable, purpose = _PURPOSE[role]
        password = random.token(PASSWORD_BYTES).hex()
        lines += [
            "",
            f"-- {role} {purpose}.",
            f"-- {variable}=postgresql://{role}:{password}@HOST:5432/{DATABASE}",
            f"create role {role} login nosuperuser nobypassrls nocreatedb nocreaterole noreplication"
            f" password '{password}';",
        ]
    lines += [
        "",
        f"create database {DATABASE} owner serai_owner encoding 'UTF8' template template0;",
        f"revoke all on database {DATABASE} from public;",
        f"grant connect on database {DATABASE} to serai_app, serai_jobs;",
    ]
    return "\n".join(lines)
