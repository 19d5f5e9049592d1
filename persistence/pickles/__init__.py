"""The symbolic pickle engine: pickles seen as what they are, programs, without running them.

A pickle is a program for a small machine with a stack and a memo. Its opcodes push plain
values (texts, numbers), build containers from what is above a mark, store the top of the
stack in the memo and fetch it again (so that sharing and cycles are kept), and do five
things that are not plain:

    GLOBAL, STACK_GLOBAL, INST    push a class or function, found by module and name
    REDUCE, OBJ, INST             call what is on the stack with arguments from the stack
    NEWOBJ, NEWOBJ_EX             make an instance of a class, by its `__new__`
    BUILD                         set the state of an object, by its `__setstate__`
    PERSID, BINPERSID             push the object that a persistent ID stands for

In a real unpickler the first four import modules and run code: any pickle can run anything.
Here they make records: a `Global` is a name, an `Object` says how it was made and what was
then done to it, a `Reference` is a persistent ID. The C unpickler itself does the work, at
its own speed (`decode`); what a few bytes could make it take in memory or time is refused
first (`guards`). The opcodes and their meaning: `pickletools` in the standard library.

How values look to a user is told by `present`, with adapters for known classes by name;
`find_references` gives paths; `with_identity` writes the same pickle under another ID and
`with_ids` also with other references;
`diff.diff` tells what differs between two, `comparison.Comparison` shows them side by side,
and `search.search` finds what a user looks for.
"""

from persistence.pickles.decode import Pickle, decode
from persistence.pickles.encode import encode
from persistence.pickles.identity import with_identity, with_ids
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
    "encode",
    "find_references",
    "with_identity",
    "with_ids",
]
