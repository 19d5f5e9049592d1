"""Runs inside GC3Pie's interpreter: writes unusual stores and prints what is in them, as JSON."""

import collections
import io
import json
import os
import pickle
import sys
from pathlib import Path

import sqlalchemy
from gc3libs import Application, Run, Task
from gc3libs.persistence import make_store
from gc3libs.persistence.accessors import GetValue
from gc3libs.persistence.filesystem import FilesystemStore
from gc3libs.persistence.idfactory import IdFactory
from gc3libs.persistence.serialization import Persistable
from gc3libs.persistence.sql import IntId, SqlStore
from gc3libs.session import Session
from gc3libs.url import Url
from gc3libs.workflow import ParallelTaskCollection, RetryableTask, SequentialTaskCollection


class Job(Persistable):
    def __init__(self, name, *children, **more):
        Persistable.__init__(self)
        self.name = name
        self.children = children
        self.__dict__.update(more)

    def __hash__(self):
        return id(self)


class Outer:
    class Inner(Job):
        pass


class Bag(dict, Persistable):
    def __init__(self, **items):
        dict.__init__(self, **items)
        self.changed = True


class Rebuilt(Job):
    def __reduce__(self):
        state = dict(self.__dict__, children=())
        return Rebuilt, (self.name, *self.children), state


def application(name, state=Run.State.NEW):
    made = Application(["/bin/true"], [], [], "/tmp/" + name, jobname=name)
    made.execution.state = state
    return made


def fill(store):
    shared = Job("shared")
    gone = Job("gone")
    tasks = [application("run", Run.State.RUNNING), application("end", Run.State.TERMINATED)]
    inner = ParallelTaskCollection(tasks, jobname="inner")
    for obj in (
        SequentialTaskCollection([inner, application("last")], jobname="outer"),
        RetryableTask(application("again"), max_retries=2, jobname="retry"),
        Job("parts", shared, nested=[{"a": (shared, {"b": Job("deep")})}]),
        Job("keys", held={Job("key"): 1}, bag={Job("member")}),
        Job("kinds", queue=collections.deque([Job("queued")]), ordered=[("x", shared)]),
        Outer.Inner("ünï☃", shared),
        Bag(a=Job("in a bag")),
        Rebuilt("rebuilt", Job("argument")),
        Job("dangling", gone),
        Task(jobname="task"),
    ):
        store.save(obj)
    store.remove(gone.persistent_id)


class Seen(Task):
    """Stands for an object that another refers to."""

    def __init__(self):
        Task.__init__(self)

    def __hash__(self):
        return 1


def describe(store, read):
    """Return class, state, name and references of each object, read one by one."""
    found = {}
    for id_ in store.list():
        references = []

        class Reader(pickle.Unpickler):
            def persistent_load(self, pid, references=references):
                references.append(str(pid))
                return Seen()

        obj = Reader(io.BytesIO(read(id_))).load()
        execution = getattr(obj, "execution", None)
        found[str(id_)] = {
            "class": type(obj).__module__ + "." + type(obj).__qualname__,
            "state": None if execution is None else str(execution.state),
            "name": getattr(obj, "jobname", None) or getattr(obj, "name", None),
            "references": list(dict.fromkeys(references)),
        }
    return found


def from_folder(folder):
    return lambda id_: Path(folder, id_).read_bytes()


def from_table(store):
    def read(id_):
        query = sqlalchemy.select([store._tables.c.data]).where(store._tables.c.id == id_)
        return bytes(store._engine.execute(query).scalar())

    return read


def main(folder):
    os.chdir(folder)
    stores = {}

    def files(name, **arguments):
        store = FilesystemStore(name, **arguments)
        fill(store)
        stores[os.path.abspath(name)] = describe(store, from_folder(name))

    def table(address, **arguments):
        store = SqlStore(Url(address), **arguments)
        fill(store)
        stores[address] = describe(store, from_table(store))

    def numbers(count=1):
        numbers.last += 1000
        return numbers.last if count == 1 else [numbers.last]

    numbers.last = 5 * 10**9
    files("files")
    files("odd names", idfactory=IdFactory(prefix="näme.with dots"))
    table(f"sqlite:///{folder}/x.db")
    table(f"sqlite:///{folder}/x.db#table=two words")
    table(
        f"sqlite:////{folder}/more.db",
        idfactory=IdFactory(id_class=IntId, next_id_fn=numbers),
        extra_fields={
            sqlalchemy.Column("jobname", sqlalchemy.String(50)): GetValue().jobname,
            sqlalchemy.Column("type", sqlalchemy.Text()): lambda obj: "their own",
            sqlalchemy.Column("name", sqlalchemy.Integer()): lambda obj: 7,
        },
    )
    empty = make_store(f"sqlite:///{folder}/empty.db")
    stores[f"sqlite:///{folder}/empty.db"] = describe(empty, from_table(empty))
    for name in ("session", "100% of it"):
        session = Session(os.path.join(folder, name))
        session.add(SequentialTaskCollection([application("in session")], jobname="main"))
        jobs = os.path.join(folder, name, "jobs")
        stores[os.path.join(folder, name)] = describe(session.store, from_folder(jobs))
    print(json.dumps(stores))


main(sys.argv[1])
