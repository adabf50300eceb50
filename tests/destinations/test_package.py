"""A package of others brings a kind of destination to the real program: it is configured, delivered to,
shown, listed and redriven there; and what becomes of all that when it is not installed any more."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.program import Program

PACKAGE = Path(__file__).parent / "package"
KEY = "a s3cret of the receiver"
ADD = "def handler(event, context):\n    return event['a'] + event['b']\n"


class Environment:
    """A Python of its own that sees the project's packages; packages are installed into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        venv.create(folder / "env", with_pip=False)
        self.python = str(folder / "env" / "bin" / "python")
        site = sysconfig.get_path("purelib", vars={"base": str(folder / "env")})
        ours = [sysconfig.get_path("purelib"), str(Path(__file__).parents[2] / "src")]
        lines = [f"import site; site.addsitedir({path!r})\n" for path in ours]
        (Path(site) / "project.pth").write_text("".join(lines))

    def install(self) -> None:
        source = self._folder / "source"
        shutil.copytree(PACKAGE, source)
        how = ["--no-deps", "--no-index", "--no-build-isolation"]
        self._pip("install", *how, str(source))
        shutil.rmtree(source)

    def uninstall(self) -> None:
        self._pip("uninstall", "--yes", "thence-lines")

    def _pip(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", self.python, *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


@pytest.fixture
def program(tmp_path: Path, environment: Environment) -> Iterator[Program]:
    it = Program(tmp_path)
    it.python = environment.python
    yield it
    it.kill()


def deploy(program: Program, name: str, **spec: Any) -> tuple[int, Any]:
    body = json.dumps({"handler": "main.handler", **spec}).encode()
    status, _, answer = program.ask(
        "PUT", f"/v1/functions/{name}", body, Content_Type="application/json"
    )
    return status, answer


def invoke(program: Program, name: str) -> str:
    status, _, answer = program.ask(
        "POST", f"/v1/functions/{name}/invocations", b'{"a": 1, "b": 2}'
    )
    assert status == 202, answer
    return str(answer["id"])


def command(program: Program, *arguments: str) -> str:
    ran = subprocess.run(
        [program.python, "-m", "thence", *arguments, "--url", f"http://127.0.0.1:{program.port}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def delivery(program: Program, invocation: str) -> Any:
    """The one that it owes, once it is not pending any more."""
    found: list[Any] = []

    def ended() -> bool:
        found[:] = program.get(f"/v1/invocations/{invocation}")["deliveries"]
        return bool(found) and found[0]["state"] != "pending"

    program.until(ended, 30, "the delivery has ended")
    return found[0]


@pytest.mark.slow
def test_a_kind_that_a_package_brings_is_a_kind_like_ours(
    tmp_path: Path, environment: Environment, program: Program
) -> None:
    environment.install()
    program.start()
    records, missing = tmp_path / "records", tmp_path / "later" / "records"
    # A project on the command line, whose settings stand in a file, and the API.
    project = tmp_path / "adding"
    project.mkdir()
    (project / "main.py").write_text(ADD)
    (project / "thence.function.toml").write_text(
        f'on_failure = "lines:{missing}"\n\n[on_success]\ntype = "lines"\npath = "{records}"\nkey = "{KEY}"\n'
    )
    command(program, "deploy", str(project))
    assert json.loads(command(program, "function", "show", "adding", "--json"))["on_success"] == {
        "type": "lines", "path": str(records), "key": "…",
    }  # fmt: skip
    status, shown = deploy(program, "adding", on_success=f"lines:{missing}")
    assert (status, shown["on_success"]) == (200, f"lines:{missing}")
    put = json.dumps({"on_success": {"type": "lines", "path": str(records), "key": KEY}}).encode()
    status, _, config = program.ask(
        "PUT", "/v1/functions/adding/async-configs/latest", put, Content_Type="application/json"
    )
    assert status == 201 and config["on_success"]["key"] == "…"
    assert KEY not in json.dumps([program.get("/v1/functions"), config])

    # What is wrong is refused by the field; what is unknown with the list of what is installed.
    for written, field, says in (
        ({"type": "lines"}, "on_success.path", "a text is needed"),
        ({"type": "lines", "path": "x"}, "on_success.path", "'x' is no absolute path"),
        ({"type": "lines", "path": "/x", "kee": "k"}, "on_success.kee", "did you mean key?"),
        ({"type": "lines", "path": "/x", "key": "…"}, "on_success.key", "send the secret itself"),
        ({"type": "files"}, "on_success.type", "lines."),
        ("files:/x", "on_success", "or lines:/PATH."),
    ):
        status, refused = deploy(program, "adding", on_success=written)
        assert (status, refused["field"]) == (400, field) and says in refused["detail"]
    document = json.dumps(program.get("/v1/openapi.json"))
    assert "or lines:/PATH" in document and '"lines"' in document

    # Delivered, and listed.
    done = delivery(program, invoke(program, "adding"))
    assert (done["state"], done["destination"]) == ("delivered", f"lines:{records}")
    signature, _, record = records.read_bytes().rstrip(b"\n").partition(b" ")
    assert json.loads(record)["response_payload"] == 3
    assert signature.decode() == hmac.digest(KEY.encode(), record, hashlib.sha256).hex()
    assert f"lines:{records}" in command(program, "delivery", "ls")

    # Refused for good, and redriven.
    assert program.ask("DELETE", "/v1/functions/adding/async-configs/latest")[0] == 204
    dead = delivery(program, invoke(program, "adding"))
    assert (dead["state"], dead["reason"]) == ("dead", "rejected")
    assert "its folder is not there" in dead["attempts"][0]["error"]
    missing.parent.mkdir()
    command(program, "delivery", "redrive", dead["id"])
    assert delivery(program, dead["invocation"])["state"] == "delivered"
    assert json.loads(missing.read_bytes())["delivery_id"] == dead["id"]


@pytest.mark.slow
def test_what_uses_a_kind_that_is_gone_is_shown_and_waits_as_a_dead_letter_for_its_return(
    tmp_path: Path, environment: Environment, program: Program
) -> None:
    environment.install()
    program.start()
    records = tmp_path / "later" / "records"
    program.deploy("adding", ADD, on_success={"type": "lines", "path": str(records), "key": KEY})
    before = delivery(program, invoke(program, "adding"))
    assert (before["state"], before["reason"]) == ("dead", "rejected")
    assert program.terminate() == 0

    environment.uninstall()
    program.start()
    shown = program.get("/v1/functions/adding")
    assert shown["on_success"] == {"type": "lines", "installed": False}
    assert "lines (not installed)" in command(program, "function", "show", "adding")
    owed = delivery(program, invoke(program, "adding"))
    assert (owed["state"], owed["reason"]) == ("dead", "not_installed")
    assert owed["destination"] == "lines (not installed)"
    assert "'lines'" in owed["attempts"][0]["error"]
    command(program, "delivery", "redrive", before["id"])
    again = delivery(program, before["invocation"])
    assert (again["state"], again["reason"]) == ("dead", "not_installed")
    assert KEY not in program.said + json.dumps([shown, owed, again])
    assert program.terminate() == 0

    environment.install()
    program.start()
    records.parent.mkdir()
    for entry in (before, owed):
        command(program, "delivery", "redrive", entry["id"])
        assert delivery(program, entry["invocation"])["state"] == "delivered"
    kept = [json.loads(line.partition(b" ")[2]) for line in records.read_bytes().splitlines()]
    assert [entry["delivery_id"] for entry in kept] == [before["id"], owed["id"]]
