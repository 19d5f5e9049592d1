"""Objects of classes that are not installed here, for the demo: GC3Pie's, numpy's, pandas'.

Their pickles are made with stand-ins: classes that have the right names for as long as the
pickling takes. Nothing of the real libraries is needed, neither to write nor to inspect.
"""

from __future__ import annotations

import copyreg
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import ModuleType
from typing import Any

from persistence import Persistable

__all__ = ["foreign_objects"]


class _Called:
    """A value that is pickled as the call of a stand-in.

    Args:
        function: What will make it when it is loaded.
        args: The arguments of that.
        state: The state that will then be set, or None.
    """

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self._recipe = (function, args, state)

    def __reduce__(self) -> Any:
        return self._recipe


class _Instance:
    """What the classes of stand-ins derive from: an instance with its recipe.

    Args:
        args: What its class will be given to make it when it is loaded.
        state: The attributes that will then be set, or None.
    """

    def __init__(self, *args: Any, state: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._args, self._attributes = args, state

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (type(self), *self._args), self._state()  # type: ignore[attr-defined]

    def _state(self) -> dict[str, Any] | None:
        return self._attributes


class _Job(_Instance, Persistable):
    """An instance that is kept as a record of its own."""

    def _state(self) -> dict[str, Any]:
        own = {"persistent_id": self.persistent_id, "changed": False}
        return {**(self._attributes or {}), **own}


class _StandIns:
    """The stand-ins by name, made when first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __call__(self, name: str, base: type = _Instance) -> Any:
        if name not in self._made:
            module, _, qualname = name.rpartition(".")
            self._made[name] = type(qualname, (base,), {"__module__": module})
        return self._made[name]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the stand-ins be found under their names, and put back what was there."""
        parts = [cls.__module__.split(".") for cls in self._made.values()]
        names = {".".join(part[:n]) for part in parts for n in range(1, len(part) + 1)}
        former = {name: sys.modules.get(name) for name in names}
        try:
            sys.modules.update({name: ModuleType(name) for name in names})
            for cls in self._made.values():
                setattr(sys.modules[cls.__module__], cls.__qualname__, cls)
            yield
        finally:
            for name, module in former.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module


def _job(cls: Any, **attributes: Any) -> Any:
    return cls(state=attributes)


@contextmanager
def foreign_objects() -> Iterator[list[Any]]:
    """Give the objects; they can be saved inside the `with` block."""
    stand_ins = _StandIns()
    objects = [_gc3pie_application(stand_ins), _measurement(stand_ins), _legacy_job(stand_ins)]
    with stand_ins.installed():
        yield objects


def _gc3pie_application(named: _StandIns) -> Any:
    now = time.time()
    states = ["NEW", "SUBMITTED", "RUNNING", "TERMINATING", "TERMINATED"]
    messages = [
        (f"Transition from state {old} to state {new}", now - 3600 + 600 * n, ())
        for n, (old, new) in enumerate(pairwise(states))
    ]
    history = named("gc3libs.utils.History")(state={"_messages": messages})
    url = named("gc3libs.url.Url")
    memory, duration = named("gc3libs.quantity.Memory"), named("gc3libs.quantity.Duration")
    times = OrderedDict((state, now - 3600 + 600 * n) for n, state in enumerate(states))
    return _job(
        named("gc3libs.Application", _Job),
        jobname="imported from GC3Pie",
        arguments=["/bin/sh", "-c", "./simulate --steps 500"],
        inputs=[url(None, False, "file", "", "/etc/hosts", None, None, "", None, None)],
        output_dir="/scratch/run/imported.d",
        requested_cores=4,
        requested_memory=memory("8 GB", None),
        requested_walltime=duration("3 h", None),
        execution=named("gc3libs.Run")(
            state={
                "_state": "TERMINATED",
                "_exitcode": 1,
                "_signal": 0,
                "history": history,
                "timestamp": times,
                "lrms_jobid": "4711.cluster",
            },
        ),
        task_id=named("gc3libs.persistence.idfactory.Id")("Application", 42),
    )


def _measurement(named: _StandIns) -> Any:
    values = [0.5 * n * n for n in range(240)]
    spectrum = _array(named, "f8", (12, 20), struct.pack("<240d", *values))
    mask = _array(named, "b1", (240,), bytes(n % 3 == 0 for n in range(240)))
    return _job(
        named("lab.spectra.Measurement", _Job),
        name="spectrum, raw arrays",
        state="TERMINATED",
        spectrum=spectrum,
        mask=mask,
        peak=_Called(
            named("numpy._core.multiarray.scalar"),
            _dtype(named, "f8"),
            struct.pack("<d", max(values)),
        ),
        table=_frame(named),
    )


def _dtype(named: _StandIns, code: str) -> Any:
    order = "|" if code in ("b1", "O8") else "<"
    flags = 63 if code == "O8" else 0
    state = (3, order, None, None, None, -1, -1, flags)
    return _Called(named("numpy.dtype"), code, False, True, state=state)


def _array(named: _StandIns, code: str, shape: tuple[int, ...], content: Any) -> Any:
    return _Called(
        named("numpy._core.multiarray._reconstruct"),
        named("numpy.ndarray"),
        (0,),
        b"b",
        state=(1, shape, _dtype(named, code), False, content),
    )


def _frame(named: _StandIns) -> Any:
    """Return a pandas table of two columns, as pandas 2 pickles it."""
    energies = struct.pack("<6d", -4.2, -5.1, -6.75, 298.0, 310.0, 325.5)
    block = _Called(
        named("pandas._libs.internals._unpickle_block"),
        _array(named, "f8", (2, 3), energies),
        slice(0, 2, 1),
        2,
    )
    new_index = named("pandas.core.indexes.base._new_Index")
    columns = _Called(
        new_index,
        named("pandas.core.indexes.base.Index"),
        {"data": _array(named, "O8", (2,), ["energy", "temperature"]), "name": None},
    )
    rows = _Called(
        new_index,
        named("pandas.core.indexes.range.RangeIndex"),
        {"name": None, "start": 0, "stop": 3, "step": 1},
    )
    blocks = _Called(
        named("pandas.core.internals.managers.BlockManager"), (block,), [columns, rows]
    )
    state = {"_mgr": blocks, "_typ": "dataframe", "_metadata": [], "attrs": {}, "_flags": {}}
    return named("pandas.core.frame.DataFrame")(state=state)


def _legacy_job(named: _StandIns) -> Any:
    return _job(
        named("campaign2019.legacy.QueueJob", _Job),
        name="class no longer exists",
        status="PENDING",
        host="node17",
        retries=3,
        options=named("campaign2019.legacy.Options")(state={"verbose": True, "scratch": None}),
    )
