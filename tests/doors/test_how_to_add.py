"""The page that says how to add a door: what it shows works as it stands there, on a real service."""

from __future__ import annotations

import asyncio
import base64
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import thence.api
from thence.api import doors
from thence.catalog.code import pack
from thence.config import Section, Settings, known_settings, load, with_sections
from thence.lifecycle.states import State
from thence.notices import InvocationSettled

from .served import Served, served
from .wire import request

PAGE = (Path(__file__).parents[2] / "docs/build/doors.md").read_text("utf-8")
FILE = re.compile(r"<!-- file: src/thence/(api/\S+) -->\n```python\n(.*?)^```", re.M | re.S)
LINE = '    "thence.api.toy",\n'
CODE = base64.b64encode(pack([("main.py", b"def handler(event, context): ...\n")])).decode()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example of the page, as a folder of the package and a line of the list."""
    for name, text in FILE.findall(PAGE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(thence.api, "__path__", [*thence.api.__path__, str(tmp_path / "api")])
    assert f"```python\n{LINE}```" in PAGE
    line = LINE.strip(' ",\n')
    # It may be in the list already, where somebody has tried the page.
    monkeypatch.setattr(doors, "DOORS", (*(name for name in doors.DOORS if name != line), line))
    yield
    for module in [name for name in sys.modules if name.startswith("thence.api.toy")]:
        del sys.modules[module]
    vars(thence.api).pop("toy", None)


def settings(kind: type[Settings], folder: Path, **given: str) -> Settings:
    environment = {"THENCE_DATA_DIR": str(folder / "data"), **given}
    return load(environment=environment, kind=kind)


@pytest.fixture
async def server(toy: None, tmp_path: Path) -> AsyncIterator[Served]:
    kind = with_sections(doors.sections())
    given = settings(kind, tmp_path, THENCE_TOY_PAYLOAD_BYTES_MAX="5")
    async with served(Served, given) as found:
        body = {"code": CODE, "on_success": {"type": "queue", "name": "done", "form": "toy"}}
        assert (await found.request("PUT", "/v1/functions/f", json=body)).status == 201
        yield found


async def test_the_example_takes_a_call_to_its_record(server: Served) -> None:
    ended = asyncio.ensure_future(server.notices.wait_for(InvocationSettled))
    await asyncio.sleep(0)  # it listens
    line = request("/toy/f", "Connection: close", body=b"123")
    answer = (await server.answers(line))[0]
    assert answer.status == 202 and answer.headers["x-toy-id"] != answer.body.decode()
    assert (await ended).state is State.SUCCEEDED
    shown = await server.get(f"/toy/{answer.body.decode()}")
    assert (shown.status, shown.body) == (200, b"succeeded") and "x-toy-id" in shown.headers
    [message] = (await server.get("/v1/mailbox/queue/done")).json["items"]
    assert message["body"] == "f succeeded\n"


@pytest.mark.parametrize("slow", ["", "Prefer: x"])
async def test_its_fast_path_and_its_application_answer_the_same(server: Served, slow: str) -> None:
    more = [slow] if slow else []
    asked = [("f", b"123", 202), ("f", b"123456", 413), ("none", b"1", 404)]
    for name, body, status in asked:
        data = request(f"/toy/{name}", "Connection: close", *more, body=body)
        [answer] = await server.answers(data)
        assert (
            answer.status == status
            and answer.headers["content-type"] == "text/plain; charset=utf-8"
        )
        assert "x-toy-id" in answer.headers


async def test_it_starts_stops_and_is_told_of_by_metrics(server: Served) -> None:
    assert "thence_toy_open 1.0" in (await server.get("/metrics")).body.decode()
    [door] = [door for door in server.service.doors if door.name == "toy"]
    await server.stop()
    assert door.open is False  # type: ignore[attr-defined]


def test_its_section_is_part_of_the_settings(toy: None) -> None:
    kind = with_sections(doors.sections())
    [found] = [each for each in known_settings(kind) if each.name.startswith("toy.")]
    assert (found.variable, found.default) == ("THENCE_TOY_PAYLOAD_BYTES_MAX", 64 * 1024)
    assert all(isinstance(section, Section) for section in doors.sections().values())
