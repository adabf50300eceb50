"""What belongs to a runtime is asked of its kind: names, handlers, errors."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from tests.engine.processes import running

from thence.catalog.code import pack
from thence.catalog.function import Contract
from thence.errors import InvalidInput
from thence.lifecycle.outcome import Outcome
from thence.runtimes import kinds
from thence.runtimes.kinds import function_error, parse_function
from thence.runtimes.python.function.contracts.choice import CONTRACTS

from .shell.kind import SHELL


@pytest.fixture
def with_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that a second runtime adds to the list."""
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, SHELL))


def refused(data: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse_function(data)
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("runtime", "cobol", "one of python"),
        ("handler", "", "module.function"),
        ("handler", "main", "module.function"),
        ("handler", "main.", "module.function"),
        ("handler", "os;system.x", "module.function"),
        ("handler", "../main.handler", "module.function"),
        ("handler", "m." + "h" * 256, "at most 256"),
        ("initializer", "main", "module.function"),
        ("pre_stop", "main", "module.function"),
    ],
)
def test_a_name_that_the_runtime_does_not_take_is_refused_with_field_and_form(name, value, says):
    error = refused({name: value})
    assert error.fields["field"] == name
    assert error.detail.startswith(f"{name}: ")
    assert says in error.detail


def test_a_runtime_is_refused_with_those_that_there_are(with_shell):
    assert refused({"runtime": "cobol"}).detail.endswith("it must be one of python, shell.")


def test_each_runtime_has_its_own_form_of_handlers(with_shell):
    assert parse_function({"runtime": "shell", "handler": "run.sh"}).handler == "run.sh"
    assert "NAME.sh" in refused({"runtime": "shell", "handler": "main.handler.x"}).detail
    assert parse_function({"handler": "main.handler"}).runtime == "python"


async def test_a_function_of_a_second_runtime_is_deployed_tried_and_run(with_shell, tmp_path):
    spec = parse_function({"runtime": "shell", "handler": "run.sh"})
    code = pack([("run.sh", b"tr a-z A-Z\n")])
    async with running(tmp_path, instances_max=2) as engine:
        assert await engine.functions.try_code("shout", spec, code) == []
        await engine.functions.put("shout", spec, code)
        _, ended = await engine.invoke("shout", b"thence")
        assert (ended.outcome, ended.result) == (Outcome.OK, b"THENCE")


def test_an_error_has_the_frames_of_the_runtime_that_it_is_of():
    stack = (
        "Traceback (most recent call last):\n"
        '  File "/code/index.py", line 2, in handler\n'
        "    raise ValueError('no')\n"
        "ValueError: no\n"
    )
    error = function_error("ValueError", "no", stack)
    assert (error.type, error.message) == ("ValueError", "no")
    assert [(frame.file, frame.line, frame.function) for frame in error.frames] == [
        ("/code/index.py", 2, "handler")
    ]
    assert function_error("ExitStatus", "no", "at line 3 of run.sh").frames == []


@pytest.mark.parametrize(
    ("contract", "written", "ours"),
    [
        ("fc", "index.handler", "index.handler"),
        ("fc", "dir/index.handler", "dir.index.handler"),
        ("fc", "dir.index.handler", "dir.index.handler"),
        ("fc", "index", None),
        ("functiongraph", "index.handler", "index.handler"),
        ("functiongraph", "dir/index.handler", "dir.index.handler"),
        ("functiongraph", "dir.index.handler", None),
        ("native", "index.handler", "index.handler"),
        ("native", "dir/index.handler", None),
    ],
)
def test_a_handler_is_read_as_its_vendor_writes_it(contract, written, ours):
    assert kinds.vendor(contract, "python").handler(written) == ours


def test_a_vendors_names_lead_to_the_runtime_that_runs_them(with_shell):
    assert kinds.runtime_of("fc", "python3.12") == "python"
    assert kinds.runtime_of("fc", "Python3.12") is None
    assert kinds.runtime_of("functiongraph", "Python3.12") == "python"
    assert kinds.vendor("fc", "python").shown in kinds.vendor_runtimes("fc")


def test_python_has_every_contract_that_a_function_may_have():
    assert set(CONTRACTS) == set(get_args(Contract))


def test_a_runtime_that_no_vendor_has_is_shown_by_our_name(with_shell):
    shown = kinds.vendor("fc", "shell")
    assert shown.shown == "shell" and shown.handler("run.sh") == "run.sh"
    assert shown.handler("main.handler") is None
    assert kinds.vendor("fc", "removed").shown == "removed"
