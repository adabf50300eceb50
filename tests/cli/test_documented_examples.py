"""The README's first function, the quickstart and the examples' folder, run as they are written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def blocks(page: str, name: str) -> str:
    """The shell blocks of a page under `<!-- example: name -->`, one after another."""
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(rf"<!-- example: {name} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found, f"{page} has no example {name}"
    return "\n".join(found)


def run(script: str, service: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=service.environment | {"THENCE_URL": service.url},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_first_function_of_the_readme_works(service: Any, tmp_path: Path) -> None:
    script = "export COLUMNS=200\n" + blocks("README.md", "first-function")
    ran = run(script, service, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert '{"greeting":"Hello, Ada!"}' in ran.stdout.replace('": "', '":"')
    assert re.search(r"^state +(queued|running|retrying)", ran.stdout, re.MULTILINE)


def test_the_quickstart_works(tmp_path: Path, service: Any) -> None:
    # There the service has no credentials; here it has, so curl is given them.
    script = blocks("docs/quickstart.md", "quickstart")
    authorized = script.replace("curl -si", 'curl -si -H "Authorization: Bearer $ID:$SECRET"')
    keys = service.environment
    prelude = (
        f"ID={keys['THENCE_ROOT_ACCESS_KEY_ID']!r}\n"
        f"SECRET={keys['THENCE_ROOT_ACCESS_KEY_SECRET']!r}\nexport COLUMNS=200\n"
    )
    ran = run(prelude + authorized, service, tmp_path)
    assert ran.returncode == 0, ran.stderr
    for seen in ("202 Accepted", "retries_exhausted", "attempt 3", "thence.invocation.succeeded"):
        assert seen in ran.stdout, seen
    assert "1 redriven" in ran.stderr


def test_a_backup_as_described_is_clean_and_can_be_restored(
    service: Any, at_service: Any, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 400)  # kept as a file beside the database
    at_service("deploy", str(ROOT / "examples" / "hello"), "--name", "kept", "--event", "bytes")
    id = at_service("invoke", "kept", "--delay", "1h", "--data", f"@{large}").out.strip()
    ran = run(blocks("docs/operations.md", "backup"), service, tmp_path)
    assert ran.returncode == 0, ran.stderr
    (backup,) = (tmp_path / "backups").iterdir()
    assert at_service("verify", "--data-dir", str(backup), "--json").json["problems"] == []
    assert any(large.read_bytes() == path.read_bytes() for path in backup.rglob("*.payload"))
    ran = run(blocks("docs/operations.md", "restore"), service, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "They run after the next start" in ran.stderr
    restored = at_service("verify", "--data-dir", str(tmp_path / "restored"), "--json")
    assert (restored.status, restored.json["problems"]) == (0, [])
    at_service("stop", id)


# Projects (s.yaml) are deployed in test_project.py.
FOLDERS = sorted(
    path.name for path in (ROOT / "examples").iterdir() if not list(path.glob("*.yaml"))
)


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_folder_deploys(at_service: Any, name: str) -> None:
    ran = at_service("deploy", str(ROOT / "examples" / name), "--name", f"example-{name}", "--json")
    assert ran.status == 0, ran.err


def test_the_example_hello_greets(at_service: Any) -> None:
    at_service("deploy", str(ROOT / "examples" / "hello"))
    ran = at_service("invoke", "hello", "--data", '{"name": "Ada"}', "--wait")
    assert ran.json == {"greeting": "Hello, Ada!"}


def test_every_metric_of_the_service_is_documented(service: Any) -> None:
    from thence.cli.client import Client

    keys = service.environment
    secret = f"{keys['THENCE_ROOT_ACCESS_KEY_ID']}:{keys['THENCE_ROOT_ACCESS_KEY_SECRET']}"
    text = Client(service.url, secret).request("GET", "/metrics").body.decode()
    names = re.findall(r"^# HELP (\S+)", text, re.MULTILINE)
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    assert names
    assert [name for name in names if f"`{name}`" not in page] == []
