"""How the states of jobs look: a shape and a colour each, never a colour alone."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KNOWN_STATES", "Look", "look_of", "states_beside"]

KNOWN_STATES = (
    "NEW",
    "SUBMITTED",
    "RUNNING",
    "STOPPED",
    "TERMINATING",
    "TERMINATED",
    "UNKNOWN",
)
"""The states that a job of GC3Pie's can be in, in the order that it goes through them."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a state looks.

    Attributes:
        shape: "ring", "dots", "arrow", "disc", "bars", "half", "square", "check", "cross",
            "diamond", "warning", "dash" or "target".
        colour: "grey", "blue", "green", "red", "amber", "violet" or "teal".
    """

    shape: str
    colour: str


_NEW = Look("ring", "grey")
_WAITING = Look("dots", "violet")
_SUBMITTED = Look("arrow", "violet")
_RUNNING = Look("disc", "blue")
_PAUSED = Look("bars", "amber")
_ENDING = Look("half", "teal")
_ENDED = Look("square", "teal")
_DONE = Look("check", "green")
_FAILED = Look("cross", "red")
_CANCELLED = Look("dash", "grey")
_UNSURE = Look("warning", "amber")
_OTHER = Look("diamond", "grey")

# GC3Pie's seven first (gc3libs.Run.State); then what Slurm, PBS, LSF, HTCondor, Celery, Dask,
# Airflow, Snakemake and AiiDA call theirs.
_LOOKS = {
    name: look
    for look, names in (
        (_NEW, "NEW CREATED INIT INITIAL INITIALIZED NONE UNSUBMITTED DEFERRED"),
        (
            _WAITING,
            "QUEUED PENDING WAITING IDLE READY SCHEDULED CONFIGURING REQUEUED RETRY BLOCKED",
        ),
        (_SUBMITTED, "SUBMITTED RECEIVED ACCEPTED SENT STAGING"),
        (_RUNNING, "RUNNING ACTIVE STARTED PROCESSING EXECUTING BUSY IN_PROGRESS RUN"),
        (_PAUSED, "STOPPED PAUSED HELD HOLD SUSPENDED SSUSP USUSP PSUSP PREEMPTED"),
        (_ENDING, "TERMINATING COMPLETING EXITING FINISHING STOPPING CANCELLING KILLING"),
        (_ENDED, "TERMINATED ENDED EXITED CLOSED"),
        (_DONE, "DONE COMPLETED COMPLETE FINISHED SUCCESS SUCCEEDED SUCCESSFUL OK PASSED"),
        (
            _FAILED,
            "FAILED FAILURE ERROR ABORTED CRASHED EXCEPTED TIMEOUT OUT_OF_MEMORY NODE_FAIL LOST",
        ),
        (_CANCELLED, "CANCELLED CANCELED KILLED REVOKED REMOVED SKIPPED IGNORED"),
        (_UNSURE, "UNKNOWN ZOMBIE UNKWN STALE UNREACHABLE"),
    )
    for name in names.split()
}


def look_of(state: str) -> Look:
    """Return how a state looks; one that is not known gets a neutral look.

    >>> look_of("running")
    Look(shape='disc', colour='blue')
    >>> look_of("weird").shape
    'diamond'
    """
    return _LOOKS.get(state) or _LOOKS.get(_normal(state), _OTHER)


def states_beside(state: str) -> tuple[str, ...]:
    """Return the states to choose from in place of one; none if it is no state that is known.

    >>> states_beside("PENDING")[-2:]
    ('UNKNOWN', 'PENDING')
    """
    if look_of(state) == _OTHER:
        return ()
    return tuple(dict.fromkeys((*KNOWN_STATES, state)))


def _normal(state: str) -> str:
    return state.strip().upper().replace("-", "_").replace(" ", "_")
