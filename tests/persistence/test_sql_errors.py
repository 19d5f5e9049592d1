"""What databases say goes wrong, as sentences for users."""

from __future__ import annotations

import pickle
import sqlite3

import psycopg
import pymysql
import pytest

from persistence import PasswordError, ReadOnlyError, SaveError, StoreError
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
    (_postgresql("57P01"), Cause.SHUTTING_DOWN),
    (_postgresql("57P03"), Cause.SHUTTING_DOWN),
    (_postgresql("57P02"), Cause.CONNECTION_LOST),
    (_postgresql("57014"), Cause.TOO_SLOW),
    (_postgresql("25006"), Cause.READ_ONLY),
    (_postgresql("42501"), Cause.NOT_ALLOWED),
    (_postgresql("42P01"), Cause.GONE),
    (_postgresql("42601"), Cause.OTHER),
    (_postgresql("53300"), Cause.TOO_MANY),
    *(
        (psycopg.OperationalError(f"connection failed: {words}"), cause)
        for words, cause in (
            ("failed to resolve host 'db.lab': [Errno -2]", Cause.UNKNOWN_HOST),
            ('connection to server at "::1", port 1 failed: Connection refused', Cause.REFUSED),
            ("timeout expired", Cause.UNREACHABLE),
            ("FATAL:  sorry, too many clients already", Cause.TOO_MANY),
            ('FATAL:  too many connections for database "runs"', Cause.TOO_MANY),
            ("FATAL:  remaining connection slots are reserved", Cause.TOO_MANY),
            ("fe_sendauth: no password supplied", Cause.PASSWORD_WANTED),
            ('FATAL:  password authentication failed for user "me"', Cause.LOGIN_REFUSED),
            ('FATAL:  role "me" does not exist', Cause.LOGIN_REFUSED),
            ('FATAL:  database "runs" does not exist', Cause.NO_SUCH_DATABASE),
            ('FATAL:  permission denied for database "runs"', Cause.NOT_ALLOWED),
            ('FATAL:  no pg_hba.conf entry for host "::1", SSL encryption', Cause.NOT_ADMITTED),
            ('FATAL:  no pg_hba.conf entry for host "::1", no encryption', Cause.TLS_WANTED),
            ("server does not support SSL, but SSL was required", Cause.TLS),
            ("SSL error: certificate verify failed", Cause.TLS),
            ('server certificate for "a" does not match host name "b"', Cause.TLS),
            ("FATAL:  the database system is starting up", Cause.SHUTTING_DOWN),
            ("FATAL:  the database system is shutting down", Cause.SHUTTING_DOWN),
            ("server closed the connection unexpectedly", Cause.CONNECTION_LOST),
        )
    ),
    (pymysql.IntegrityError(1062, "Duplicate entry"), Cause.REFUSED_ROW),
    (pymysql.OperationalError(1205, "Lock wait timeout exceeded"), Cause.BUSY),
    (pymysql.OperationalError(1213, "Deadlock found"), Cause.CONFLICT),
    (pymysql.OperationalError(2013, "Lost connection"), Cause.CONNECTION_LOST),
    (pymysql.OperationalError(1040, "Too many connections"), Cause.TOO_MANY),
    (pymysql.OperationalError(1045, "Access denied (using password: NO)"), Cause.PASSWORD_WANTED),
    (pymysql.OperationalError(1045, "Access denied (using password: YES)"), Cause.LOGIN_REFUSED),
    (pymysql.OperationalError(1049, "Unknown database 'runs'"), Cause.NO_SUCH_DATABASE),
    (pymysql.OperationalError(1053, "Server shutdown in progress"), Cause.SHUTTING_DOWN),
    (pymysql.OperationalError(1130, "Host 'a' is not allowed"), Cause.NOT_ADMITTED),
    (pymysql.OperationalError(1142, "INSERT command denied"), Cause.NOT_ALLOWED),
    (pymysql.OperationalError(1290, "running with --read-only"), Cause.READ_ONLY),
    (pymysql.OperationalError(1969, "max_statement_time exceeded"), Cause.TOO_SLOW),
    (pymysql.OperationalError(2003, "([Errno 111] Connection refused)"), Cause.REFUSED),
    (pymysql.OperationalError(2003, "([Errno -2] Name or service not known)"), Cause.UNKNOWN_HOST),
    (pymysql.OperationalError(2003, "(timed out)"), Cause.UNREACHABLE),
    (pymysql.OperationalError(2003, "([SSL: CERTIFICATE_VERIFY_FAILED] self-signed)"), Cause.TLS),
    (pymysql.OperationalError(2026, "SSL is required but"), Cause.TLS),
    (pymysql.OperationalError(3159, "using insecure transport are prohibited"), Cause.TLS_WANTED),
    (pymysql.DataError(1406, "Data too long for column 'data'"), Cause.TOO_LARGE),
    (pymysql.OperationalError(1114, "The table is full"), Cause.DISK_FULL),
    (pymysql.InternalError(9999, "something new"), Cause.OTHER),
]


@pytest.mark.parametrize(("error", "cause"), CASES, ids=[str(error) for error, _ in CASES])
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
    refused = psycopg.OperationalError('FATAL:  password authentication failed for user "me"')
    told = store_error(refused, "postgresql://me:***@db.lab/runs", secret="Pa$s!")
    assert isinstance(told, PasswordError)
    assert told.was_given


def test_only_sqlite_is_asked_again_when_it_is_busy() -> None:
    assert is_busy(sqlite3.OperationalError("database is locked"))
    assert not is_busy(sqlite3.OperationalError("no such table: store"))
    assert not is_busy(_postgresql("55P03"))
