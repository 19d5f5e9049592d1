"""The symbolic pickle engine."""

from persistence.pickles.decode import Pickle, decode
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.nodes import Global, MissingBuffer, Object, Reference, Result

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
]
