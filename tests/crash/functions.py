"""What the crash tests deploy: quick, slow, flaky and hopeless functions, with destinations."""

from __future__ import annotations

from pathlib import Path

from .program import Program

QUICK = "def handler(event, context):\n    return {'n': event['n']}\n"

ECHO = "def handler(event, context):\n    return event\n"

SLOW = """\
import time

def handler(event, context):
    time.sleep(0.2)
    return {'n': event['n']}
"""

# Fails in its first two runs, wherever they were: runs are counted in a file.
FLAKY = """\
import os

def handler(event, context):
    path = os.path.join(os.environ['RUNS'], context.invocation_id)
    with open(path, 'a') as file:
        file.write('x')
    if os.path.getsize(path) <= 2:
        raise ValueError('not yet')
    return {'n': event['n']}
"""

NEVER = "def handler(event, context):\n    raise RuntimeError('never')\n"

# Ends the server that runs it: instance -> fork server -> guardian -> server.
POISON = """\
import os, signal

def handler(event, context):
    server = os.getppid()
    for _ in range(2):
        with open(f'/proc/{server}/stat') as file:
            server = int(file.read().rpartition(')')[2].split()[1])
    os.kill(server, signal.SIGKILL)
    signal.pause()
"""

SUCCEEDING = ("quick", "slow", "flaky")
RETRIES = {"quick": 3, "slow": 3, "flaky": 3, "never": 1, "sink": 3}


def deploy_all(program: Program, runs: Path) -> None:
    """Successes go to the mailbox, those of `slow` to another function; dead ends to the mailbox."""
    runs.mkdir(exist_ok=True)
    program.deploy("sink", QUICK_RECORD, on_success="queue:sunk", concurrency=2)
    program.deploy("quick", QUICK, on_success="queue:done", concurrency=4)
    program.deploy("slow", SLOW, on_success="function:sink", concurrency=4)
    program.deploy(
        "flaky", FLAKY, on_success="queue:done", environment={"RUNS": str(runs)}, concurrency=3
    )
    program.deploy("never", NEVER, max_retries=1, on_failure="queue:dead", concurrency=2)


QUICK_RECORD = "def handler(event, context):\n    return event['invocation']['id']\n"
