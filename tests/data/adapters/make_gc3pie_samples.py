"""Write pickles of GC3Pie's own classes, with what GC3Pie says of them.

    python make_gc3pie_samples.py OUT.json

Runs in an interpreter that has GC3Pie. See README.md beside this file.
"""

import base64
import json
import pickle
import sys

from gc3libs import Run
from gc3libs.persistence.idfactory import Id
from gc3libs.persistence.sql import IntId
from gc3libs.quantity import GB, KiB, Duration, Memory, hours, minutes
from gc3libs.url import Url, UrlKeyDict, UrlValueDict
from gc3libs.utils import History, Struct


def run(exitcode, signal):
    made = Run()
    made.state = Run.State.TERMINATED
    made._exitcode, made._signal = exitcode, signal
    return made


def values():
    yield "memory", Memory("8 GB"), {"line": "8 GB"}
    yield "fraction of memory", 1.5 * GB, {"line": "1.5 GB"}
    yield "binary memory", 3 * KiB, {"line": "3 KiB"}
    yield "duration", 2 * hours, {"line": "2 %s" % (2 * hours).unit.name}
    yield "fraction of time", 1.5 * minutes, {"line": "1.5 %s" % minutes.name}
    for url in ("http://host:80/a?b=c", "/etc/hosts", "gsiftp://user@host/data"):
        yield "url", Url(url), {"line": str(Url(url))}
    yield "id", Id("Application", 42), {"line": "Application.42"}
    yield "number", IntId(None, 7), {"line": "7"}
    yield "struct", Struct(a=1, b="two"), {"line": "2 items  Struct({'a': 1, 'b': 'two'})"}
    yield "inputs", UrlKeyDict({"/etc/hosts": "hosts"}), {"count": 1}
    yield "outputs", UrlValueDict({"out.txt": "/tmp/out.txt"}), {"count": 1}
    yield "empty", UrlKeyDict(), {"count": 0}
    for exitcode, signal in ((0, 0), (1, 0), (0, 9), (127, 121), (3, None), (None, None)):
        made = run(exitcode, signal)
        yield "run", made, {"returncode": made.returncode}
    history = History()
    history("submitted")
    yield "history", history, {"count": 1}


def main(out):
    samples = []
    for name, value, about in values():
        for protocol in (2, 4):
            data = base64.b64encode(pickle.dumps(value, protocol)).decode()
            samples.append(dict(about, name="gc3pie " + name, protocol=protocol, pickle=data))
    with open(out, "w") as file:
        json.dump(samples, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
