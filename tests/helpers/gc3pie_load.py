"""Runs inside GC3Pie's interpreter: writes to a store without end; prints what it left, as JSON."""

import json
import random
import sys
import time

from gc3libs.persistence import make_store
from gc3libs.persistence.serialization import Persistable


class Job(Persistable):
    def __init__(self, number, size):
        Persistable.__init__(self)
        self.set(number, size)

    def set(self, number, size):
        self.name = str(number)
        self.content = chr(ord("a") + number % 26) * size
        self.changed = True

    def __hash__(self):
        return id(self)


SIZES = (10, 500, 9000, 70000)


def patiently(function, *arguments):
    """Do something again while SQLite is locked: GC3Pie itself gives up after five seconds."""
    for _ in range(50):
        try:
            return function(*arguments)
        except Exception as error:
            if "locked" not in str(error):
                raise
    raise SystemExit("locked for too long")


def main(url, seconds):
    store = make_store(url)
    chance = random.Random(1)
    jobs = [Job(0, 10) for _ in range(5)]
    for job in jobs:
        patiently(store.save, job)
    print(json.dumps([str(job.persistent_id) for job in jobs]), flush=True)
    until = time.time() + float(seconds)
    number = 0
    while time.time() < until:
        number += 1
        job = chance.choice(jobs)
        job.set(number, chance.choice(SIZES))
        patiently(store.replace, job.persistent_id, job)
        if number % 7 == 0:
            gone = Job(number, 500)
            patiently(store.save, gone)
            patiently(store.remove, gone.persistent_id)
    print(json.dumps({"jobs": {str(j.persistent_id): int(j.name) for j in jobs}, "writes": number}))


main(*sys.argv[1:])
