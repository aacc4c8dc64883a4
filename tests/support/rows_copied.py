"""The rows of an MLflow database as those of another one: `python -m tests.support.rows_copied FILE ADDRESS`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlflow.store.db.base_sql_model import Base
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Connection, Table, create_engine, insert, select, text

ROWS_AT_ONCE: Final = 5_000


def copy_rows(file: Path, database: str) -> None:
    """Make MLflow's tables in a database at a SQLAlchemy address, and fill them with what an SQLite file has."""
    artifacts = (file.parent / "artifacts").as_uri()
    RegistryStore(database).engine.dispose()  # type: ignore[no-untyped-call]  # MLflow's
    SqlAlchemyStore(database, artifacts).engine.dispose()  # type: ignore[no-untyped-call]  # as above
    source, target = create_engine(f"sqlite:///{file}"), create_engine(database)
    tables = Base.metadata.sorted_tables
    try:
        with source.connect() as read, target.begin() as write:
            for table in reversed(tables):
                write.execute(table.delete())  # the experiment that MLflow makes by itself
            for table in tables:
                _copy(read, write, table)
        with target.begin() as write:
            _count_rows(write, tables)
    finally:
        source.dispose()
        target.dispose()


def _count_rows(write: Connection, tables: Sequence[Table]) -> None:
    """Have the database look at its rows: until it does by itself, after a minute, it plans for empty tables."""
    every = (
        "" if write.dialect.name == "postgresql" else f" TABLE {', '.join(table.name for table in tables)}"
    )
    write.execute(text(f"ANALYZE{every}"))


def _copy(read: Connection, write: Connection, table: Table) -> None:
    found = read.execute(select(table)).mappings()
    while rows := found.fetchmany(ROWS_AT_ONCE):
        write.execute(insert(table), [dict(row) for row in rows])


if __name__ == "__main__":
    copy_rows(Path(sys.argv[1]), sys.argv[2])
