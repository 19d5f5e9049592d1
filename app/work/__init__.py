"""Background work: the threads and processes that read, write, index and inspect a store.

Nothing else in the application makes a thread or a process. This package itself imports no
Qt, because the inspector process imports it.
"""
