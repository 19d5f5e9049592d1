"""What databases say goes wrong, as sentences for users."""

from __future__ import annotations

import pickle
import sqlite3

import psycopg
import pymysql
import pytest

from persistence import ReadOnlyError, SaveError, StoreError
from persistence.sql_errors import Cause, cause_of, is_busy, store_error


def _postgresql(sqlstate: str) -> psycopg.Error:
    return psycopg.errors.lookup(sqlstate)("what the server said")


CASES = [
    (sqlite3.OperationalError("database is locked"), Cause.BUSY),
    (sqlite3.OperationalError("database or disk is full"), Cause.DISK_FULL),
    (sqlite3.OperationalError("disk I/O error"), Cause.DISK_FAULT),
    (sqlite3.OperationalError("attempt to write a readonly database"), Cause.READ_ONLY),
    (sqlite3.OperationalError("no such table: store"), Cause.GONE),
    (sqlite3.DatabaseError("database disk image is malformed"), Cause.DAMAGED),
    (sqlite3.DatabaseError("file is not a database"), Cause.NO_DATABASE_FILE),
    (sqlite3.DataError("string or blob too big"), Cause.TOO_LARGE),
    (sqlite3.IntegrityError("UNIQUE constraint failed: store.id"), Cause.REFUSED_ROW),
    (_postgresql("23505"), Cause.REFUSED_ROW),
    (_postgresql("40001"), Cause.CONFLICT),
    (_postgresql("40P01"), Cause.CONFLICT),
    (_postgresql("55P03"), Cause.BUSY),
    (_postgresql("53100"), Cause.DISK_FULL),
    (_postgresql("57P01"), Cause.CONNECTION_LOST),
    (_postgresql("42501"), Cause.NOT_ALLOWED),
    (_postgresql("42P01"), Cause.GONE),
    (_postgresql("42601"), Cause.OTHER),
    (pymysql.IntegrityError(1062, "Duplicate entry"), Cause.REFUSED_ROW),
    (pymysql.OperationalError(1205, "Lock wait timeout exceeded"), Cause.BUSY),
    (pymysql.OperationalError(1213, "Deadlock found"), Cause.CONFLICT),
    (pymysql.OperationalError(2013, "Lost connection"), Cause.CONNECTION_LOST),
    (pymysql.DataError(1406, "Data too long for column 'data'"), Cause.TOO_LARGE),
    (pymysql.OperationalError(1114, "The table is full"), Cause.DISK_FULL),
    (pymysql.InternalError(9999, "something new"), Cause.OTHER),
]


@pytest.mark.parametrize(("error", "cause"), CASES, ids=[str(cause) for _, cause in CASES])
def test_each_driver_is_understood(error: Exception, cause: Cause) -> None:
    assert cause_of(error) is cause


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence(cause: Cause) -> None:
    known = {cause: error for error, cause in CASES}
    error = store_error(known.get(cause, RuntimeError("unknown")), "/data/x.db", patience=30)
    assert "/data/x.db" in error.reason
    assert "{" not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_class_says_what_the_user_can_do() -> None:
    kinds = {cause: type(store_error(error, "x.db")) for error, cause in CASES}
    assert kinds[Cause.READ_ONLY] is ReadOnlyError
    assert kinds[Cause.DISK_FULL] is kinds[Cause.TOO_LARGE] is SaveError
    assert kinds[Cause.BUSY] is kinds[Cause.OTHER] is StoreError


def test_what_the_database_said_is_one_line_without_a_password() -> None:
    error = psycopg.OperationalError(
        'connection failed: connection to server at "db.lab", port 5432 failed: FATAL:  no Pa$s!\n'
        "HINT: more\n"
    )
    told = store_error(error, "postgresql://me:***@db.lab/runs", secret="Pa$s!")
    assert "cannot be reached: no ***. Check" in str(told)


def test_only_sqlite_is_asked_again_when_it_is_busy() -> None:
    assert is_busy(sqlite3.OperationalError("database is locked"))
    assert not is_busy(sqlite3.OperationalError("no such table: store"))
    assert not is_busy(_postgresql("55P03"))
