"""The rights that a role needs, as the SQL that gives them."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

__all__ = ["missing_rights"]

_MAKE = "Have this run by who may: CREATE SCHEMA {schema} AUTHORIZATION {role};"
_GIVE = (
    "Have this run by who owns the schema: GRANT USAGE ON SCHEMA {schema} TO {role}; "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};"
)
_OWN = (
    "Its tables are to be made or changed, which their owner may only: have the client entered once by that "
    "role, or ALTER SCHEMA {schema} OWNER TO {role}, and its tables with it."
)


def missing_rights(connection: Connection[Any], schema: str) -> str:
    """Return what is to be done where a role may not do what it has to.

    Args:
        connection: of the role.
        schema: in which the tables are, or would be.
    """
    row = connection.execute(
        "SELECT current_user, (SELECT count(*) FROM pg_namespace WHERE nspname = %(schema)s), "
        "(SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) "
        "AND relname = 'meta'), "
        "(SELECT bool_and(has_table_privilege(oid, 'SELECT') AND (relkind = 'v' OR "
        "has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') "
        "AND has_table_privilege(oid, 'DELETE'))) FROM pg_class "
        "WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relkind IN ('r', 'v'))",
        {"schema": schema},
    ).fetchone()
    role, has_schema, has_tables, has_rights = row or ("", 0, 0, False)
    text = _MAKE if not has_schema else _OWN if not has_tables or has_rights else _GIVE
    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    return text.format(**{name: each.as_string(connection) for name, each in names.items()})
