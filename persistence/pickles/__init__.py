"""The symbolic pickle engine."""

from persistence.pickles.decode import Pickle, decode
from persistence.pickles.identity import with_identity
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.nodes import Global, MissingBuffer, Object, Reference, Result
from persistence.pickles.paths import find_references

__all__ = [
    "DEFAULT",
    "Global",
    "Limits",
    "MissingBuffer",
    "Object",
    "Pickle",
    "Reference",
    "Result",
    "decode",
    "find_references",
    "with_identity",
]
