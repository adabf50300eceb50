"""Thence: self-hosted asynchronous invocation for functions.

The rooms, from the ground up (arrows only ever point down):

    lifecycle     what an invocation is and what may happen to it next; pure
    catalog       functions, qualifiers, destinations as they are written; pure
    store         the storage interface and its drivers
    runtimes      how a function's code is run
    engine        moves invocations: accept, dispatch, run, settle, deliver, rescue, expire, prune
    destinations  how one record reaches one destination
    api           HTTP only
    cli, server   the program
"""

__version__ = "0.1.0"
