"""Runs inside GC3Pie's interpreter: loads objects and prints what they are, as JSON."""

import json
import sys
import types

from gc3libs.persistence import make_store
from gc3libs.persistence.serialization import Persistable


class Job(Persistable):
    """Stands in for the class of the tests' jobs, which this interpreter has not."""

    __hash__ = object.__hash__  # GC3Pie's own has none


jobs = types.ModuleType("tests.helpers.interop_jobs")
jobs.Job = Job
Job.__module__ = jobs.__name__
for name in ("tests", "tests.helpers"):
    sys.modules[name] = types.ModuleType(name)
sys.modules[jobs.__name__] = jobs


def describe(obj):
    """Return what the tests compare of an object."""
    children = getattr(obj, "tasks", None) or getattr(obj, "children", None) or []
    execution = getattr(obj, "execution", None)
    return {
        "class": type(obj).__module__ + "." + type(obj).__name__,
        "id": str(obj.persistent_id),
        "name": getattr(obj, "jobname", None) or getattr(obj, "name", None),
        "state": str(execution.state) if execution is not None else None,
        "parameters": getattr(obj, "parameters", None),
        "children": [str(child.persistent_id) for child in children],
        "shared": len(children) - len({id(child) for child in children}),
    }


def main(url, *ids):
    store = make_store(url)
    found = {}
    for id_ in ids or [str(id_) for id_ in store.list()]:
        try:
            obj = store.load(int(id_) if id_.isdigit() and not url.startswith("file:") else id_)
            found[str(id_)] = describe(obj)
        except Exception as error:
            found[str(id_)] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))


def stop(url, *ids):
    """Have GC3Pie load jobs, set them to STOPPED and save them in their place."""
    store = make_store(url)
    for id_ in ids:
        obj = store.load(int(id_) if id_.isdigit() and not url.startswith("file:") else id_)
        obj.execution.state = "STOPPED"
        obj.changed = True
        store.save(obj)
    print(json.dumps({}))


if sys.argv[1] == "--stop":
    stop(*sys.argv[2:])
else:
    main(*sys.argv[1:])
