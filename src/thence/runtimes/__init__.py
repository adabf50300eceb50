"""How a function's code is run.

    interface.py   the contract between the engine and what runs code
    code.py        the code of functions on this node's disk
    pool/          node side: instances, slots, limits; knows no language
    python/        a language: its launcher (node side), its fork server, its function side
    wire/          what node and instance say to each other: both sides import it
    sandbox/       what separates a function from everything else: both sides import it

    node: pool/, python/launcher.py          the function's process: python/function/
          |  requests, reports                     ^       ^
          +-----------------> python/fork_server/ -+ fork  |
          +------------------ wire/frames.py --------------+

This file imports nothing: the fork server loads it, and what it loads every instance carries.
"""
