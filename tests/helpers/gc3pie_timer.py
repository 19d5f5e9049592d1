"""Runs inside GC3Pie's interpreter: saves and loads jobs when told, and says how long it took.

Arguments: the store's address, `full` or `normal`, and what the jobs hold, as JSON. Each line
of input is `save NUMBER` or `load NUMBER`; each line of output is a number of seconds.
"""

import json
import sys
import time

import sqlalchemy
from gc3libs.persistence import make_store
from gc3libs.persistence.serialization import Persistable


class Job(Persistable):
    """A job as the other stores of the benchmark keep it."""

    __hash__ = object.__hash__  # GC3Pie's own has none


def job(attributes, number):
    made = Job()
    made.__dict__.update(json.loads(attributes), number=number)
    return made


def main(address, durability, attributes):
    if durability == "normal":

        @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "connect")
        def hurry(connection, record):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

    store = make_store(address)
    ids = []
    for line in sys.stdin:
        verb, number = line.split()
        made = job(attributes, int(number))
        begun = time.perf_counter()
        if verb == "save":
            ids.append(store.save(made))
        else:
            store.load(ids[int(number) % len(ids)])
        print(time.perf_counter() - begun, flush=True)


main(*sys.argv[1:])
