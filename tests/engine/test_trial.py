"""Deploying tries the code first; what no attempt can do is not tried again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.processes import deploy, running

from thence.catalog.code import pack
from thence.catalog.function import parse_spec
from thence.errors import CodeNotLoaded
from thence.lifecycle.states import Reason, State

GOOD = "def handler(event, context): ..."


def archive(code: str) -> bytes:
    return pack([("main.py", code.encode())])


@pytest.mark.parametrize(
    ("code", "field", "says"),
    [
        (f"import no_such_thing\n{GOOD}", "code", "pip install --target FOLDER no_such_thing"),
        ("def handler(:\n", "code", "main.py, line 1"),
        ("from json import no_such", "code", "Correct the import"),
        ("from . import other", "code", "'import other', not 'from . import other'"),
        ("from .other import x", "code", "'import other', not 'from . import other'"),
        ("other = 1", "handler", "has no 'handler'"),
    ],
)
async def test_code_that_no_call_could_run_is_refused_with_what_to_do(
    tmp_path: Path, code: str, field: str, says: str
) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        with pytest.raises(CodeNotLoaded) as refused:
            await engine.functions.try_code("f", parse_spec({}), archive(code))
        assert refused.value.fields["field"] == field
        assert says in refused.value.detail
        assert refused.value.detail.endswith("Nothing was changed.")
        assert engine.functions.all() == [] and kept(tmp_path) == []


async def test_an_import_that_raises_is_a_warning(tmp_path: Path) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        code = archive(f"import os\nos.environ['DATABASE']\n{GOOD}")
        (warning,) = await engine.functions.try_code("f", parse_spec({}), code)
        assert "KeyError: 'DATABASE'" in warning
        spec = parse_spec({"environment": {"DATABASE": "here"}})
        assert await engine.functions.try_code("f", spec, code) == []


async def test_a_handler_of_one_argument_is_a_warning_that_says_how_to_write_it(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        code = archive("def handler(event): ...")
        (warning,) = await engine.functions.try_code("f", parse_spec({}), code)
        assert "is written (event)" in warning and "write it as (event, context)" in warning


async def test_the_code_that_is_kept_is_tried_with_the_new_settings(tmp_path: Path) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        await deploy(engine, "f", GOOD)
        with pytest.raises(CodeNotLoaded, match="no module 'other'"):
            await engine.functions.try_code("f", parse_spec({"handler": "other.handler"}), None)


@pytest.mark.parametrize(
    ("code", "payload"),
    [(GOOD, b"{no json"), (f"import no_such_thing\n{GOOD}", b"1"), ("other = 1", b"1")],
)
async def test_what_no_attempt_can_do_is_tried_once(
    tmp_path: Path, code: str, payload: bytes
) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        await deploy(engine, "f", code, max_retries=3)
        accepted = await engine.accepted("f", payload)
        view = await engine.invocations.wait(accepted.id, 30)
        assert (view.state, view.reason) == (State.FAILED, Reason.NOT_RETRYABLE)
        assert (view.attempt, view.spent.retries_used) == (1, 0)


def kept(folder: Path) -> list[str]:
    """What lies in the folder of code."""
    return sorted(path.name for path in (folder / "code").iterdir() if path.name[0] != ".")


async def test_refused_code_that_is_deployed_elsewhere_stays(tmp_path: Path) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        await deploy(engine, "f", "other = 1")
        before = kept(tmp_path)
        with pytest.raises(CodeNotLoaded):
            await engine.functions.try_code("g", parse_spec({}), archive("other = 1"))
        with pytest.raises(CodeNotLoaded):
            await engine.functions.try_code("f", parse_spec({}), None)
        assert kept(tmp_path) == before and before


async def test_code_that_is_tried_is_not_swept_away(tmp_path: Path) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        await deploy(engine, "f", GOOD)
        async with engine.parts.catalogue.code_in_use("g", archive("x = 1")) as code:
            assert (await engine.parts.catalogue.code.prune(set()))[0] == 0
            assert code.digest in kept(tmp_path)
        assert (await engine.parts.catalogue.code.prune(set()))[0] == 1
