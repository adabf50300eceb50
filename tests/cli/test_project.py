"""`thence deploy s.yaml` against a real service: the plan, what is made, what is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "serverless-devs"
SECRET = "hunter2"


class Project:
    """A project file in a folder of its own. `names`: so that tests do not meet."""

    def __init__(self, thence: Any, folder: Path, name: str) -> None:
        self._thence = thence
        self.path = folder / "s.yaml"
        self.name = name
        (folder / "code").mkdir()
        self.code = folder / "code" / "index.py"
        self.code.write_text("def handler(event, context):\n    return event\n")

    def write(self, more: str = "", *, env: str = "{A: one}", timeout: int = 30) -> None:
        """One function; more: further lines of its properties."""
        lines = "".join(f"      {line}\n" for line in more.strip().splitlines())
        self.path.write_text(
            "edition: 3.0.0\nresources:\n  main:\n    component: fc3\n    props:\n"
            f"      functionName: {self.name}\n      runtime: python3.10\n"
            f"      handler: index.handler\n      code: ./code\n      timeout: {timeout}\n"
            f"      memorySize: 128\n      environmentVariables: {env}\n{lines}"
        )

    def deploy(self, *options: str) -> Any:
        return self._thence("deploy", str(self.path), *options)

    def plan(self) -> dict[str, str]:
        """What would be done, by thing."""
        ran = self.deploy("--dry-run", "--json")
        assert ran.status == 0, ran.err
        assert ran.json["dry_run"] is True
        return {
            change["what"]: change["change"]
            for resource in ran.json["resources"]
            for change in resource["changes"]
        }

    def there(self) -> dict[str, Any] | None:
        """The function as the service has it."""
        ran = self._thence("ls", "functions", "--json")
        found = [one for one in ran.json["items"] if one["name"] == self.name]
        return found[0] if found else None


@pytest.fixture
def project(at_service: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(at_service, folder, f"p-{abs(hash(request.node.name)) % 10**8}")


CONFIG = """
asyncInvokeConfig:
  maxAsyncRetryAttempts: 1
  destinationConfig: {onFailure: {destination: 'acs:mns:::/queues/bad/messages'}}
concurrencyConfig: {reservedConcurrency: 3}
tags: {team: blue}
"""
TRIGGER = """
triggers:
  - triggerName: nightly
    triggerType: timer
    triggerConfig: {cronExpression: '@every 4m', enable: true}
"""


# ---------------------------------------------------------------- the plan


def test_a_plan_says_what_would_be_made_and_makes_nothing(project: Project) -> None:
    project.write(CONFIG)
    ran = project.deploy("--dry-run")
    assert ran.status == 0, ran.err
    for line in (
        "main  (2023-03-30)",
        f"  + function {project.name}",
        "      handler: index.handler",
        "      tags.team: blue",
        f"  + async config {project.name} LATEST",
        "      destinationConfig.onFailure.destination: acs:mns:::/queues/bad/messages",
        f"  + concurrency {project.name}",
        "Plan: 3 to make, 0 to change, 0 as they are.",
    ):
        assert line in ran.err + ran.out, line
    assert project.there() is None


def test_a_plan_is_the_difference_to_what_there_is(project: Project) -> None:
    project.write(CONFIG)
    assert project.deploy().status == 0
    assert set(project.plan().values()) == {"same"}
    project.write(CONFIG, timeout=45)
    ran = project.deploy("--dry-run")
    said = ran.err + ran.out
    assert f"  ~ function {project.name}\n      timeout: 30 → 45\n" in said
    assert f"  = concurrency {project.name}" in said
    assert "Plan: 0 to make, 1 to change, 3 as they are." in said
    assert project.there()["timeout_seconds"] == 30  # type: ignore[index]


def test_values_of_the_environment_are_never_shown(project: Project) -> None:
    project.write(env=f"{{TOKEN: {SECRET}, GONE: {SECRET}-0}}")
    shown = [project.deploy("--dry-run"), project.deploy("--dry-run", "--json"), project.deploy()]
    project.write(env=f"{{TOKEN: {SECRET}-2, NEW: {SECRET}-3}}")
    shown += [project.deploy("--dry-run"), project.deploy("--dry-run", "--json"), project.deploy()]
    for ran in shown:
        assert ran.status == 0 and SECRET not in ran.out + ran.err
    said = shown[3].err + shown[3].out
    for line in (
        "environmentVariables.TOKEN: … → (changed)",
        "environmentVariables.NEW: …",
        "environmentVariables.GONE: … → (nothing)",
    ):
        assert line in said, said
    assert project.there()["environment"] == {  # type: ignore[index]
        "TOKEN": f"{SECRET}-2",
        "NEW": f"{SECRET}-3",
    }


def test_code_that_is_unchanged_is_not_sent_again(project: Project) -> None:
    project.write()
    assert project.deploy().status == 0
    revision = project.there()["revision"]  # type: ignore[index]
    project.path.parent.joinpath("code", "__pycache__").mkdir()
    os.utime(project.code, (1, 1))
    assert project.plan() == {"function": "same"}
    assert project.deploy().status == 0
    assert project.there()["revision"] == revision  # type: ignore[index]
    project.code.write_text("def handler(event, context):\n    return b'other'\n")
    ran = project.deploy("--dry-run")
    assert "bytes, CRC-64" in ran.err + ran.out
    assert project.plan() == {"function": "update"} and project.deploy().status == 0
    assert project.plan() == {"function": "same"}


def test_what_a_configuration_no_longer_says_ends(project: Project) -> None:
    """A PUT is the whole of it, and the plan says so."""
    project.write(CONFIG)
    assert project.deploy().status == 0
    project.write(CONFIG.replace("  destinationConfig: {onFailure", "  # {onFailure"))
    ran = project.deploy("--dry-run")
    assert (
        "destinationConfig.onFailure.destination: acs:mns:::/queues/bad/messages → \n"
        in ran.err + ran.out
    )
    assert project.deploy().status == 0
    assert project.plan()["async config"] == "same"


def test_tags_are_added_and_changed_and_none_is_taken_away(project: Project) -> None:
    project.write("tags: {team: blue, tier: one}")
    assert project.deploy().status == 0
    project.write("tags: [{key: team, value: red}]", timeout=31)
    assert project.plan() == {"function": "update", "tags": "update"}
    ran = project.deploy()
    assert ran.status == 0, ran.err
    assert project.plan() == {"function": "same", "tags": "same"}
    project.write("tags: {team: red, tier: one}", timeout=31)
    assert project.plan()["tags"] == "same"


# ---------------------------------------------------------------- making it


def test_a_trigger_that_cannot_fire_is_told_before_and_the_rest_is_deployed(
    project: Project,
) -> None:
    project.write(CONFIG + TRIGGER)
    warning = "triggers of type 'timer' (a clock) cannot fire here"
    dry = project.deploy("--dry-run")
    assert dry.status == 0 and f"! will be refused: {warning}" in dry.err + dry.out
    assert project.there() is None
    ran = project.deploy()
    said = ran.err + ran.out
    assert ran.status == 1 and f"  ! trigger {project.name} nightly (timer): Invalid" in said
    assert project.there() is not None
    rest = {what: kind for what, kind in project.plan().items() if what != "trigger"}
    assert set(rest.values()) == {"same"} and len(rest) == 4
    skipped = project.deploy("--skip-triggers")
    assert skipped.status == 0
    assert "left out: trigger nightly: --skip-triggers" in skipped.err + skipped.out


def test_json_has_the_plan_and_what_became_of_it(project: Project) -> None:
    project.write(TRIGGER.replace("timer", "smoke-signal"))
    ran = project.deploy("--json")
    assert ran.status == 1 and ran.json["dry_run"] is False
    [resource] = ran.json["resources"]
    function, trigger = resource["changes"]
    assert (function["what"], function["change"], function["refusal"]) == (
        *("function", "create"),
        "",
    )
    assert trigger["warning"] == "'smoke-signal' is not a type of triggers"
    assert trigger["refusal"].startswith("InvalidArgument: triggerType")
    assert "zipFile" not in ran.out


def test_what_belongs_to_a_refused_function_is_not_tried(project: Project) -> None:
    project.write(CONFIG, timeout=0)
    ran = project.deploy("--json")
    assert ran.status == 1
    refusals = {one["what"]: one["refusal"] for one in ran.json["resources"][0]["changes"]}
    assert refusals["function"].startswith("InvalidArgument: timeout")
    assert refusals["async config"] == "left out: what it belongs to was refused"
    assert project.there() is None


def test_one_resource_alone(project: Project) -> None:
    project.write()
    one = project.path.read_text()
    other = one.partition("resources:\n")[2].replace("main", "side").replace(project.name, "x y")
    project.path.write_text(one + other)
    ran = project.deploy("--resource", "main")
    assert ran.status == 0 and project.there() is not None
    wrong = project.deploy("--resource", "nothing")
    assert wrong.status == 2 and "has main, side" in wrong.err


def test_options_of_functions_are_refused_with_a_project(project: Project) -> None:
    project.write()
    for options in (["--retries", "1"], ["--env", "A=b"], ["--name", "n"]):
        ran = project.deploy(*options)
        assert ran.status == 2 and "is written in its file" in ran.err
    ran = project._thence("deploy", str(project.code), "--dry-run")
    assert ran.status == 2 and "are for a project" in ran.err


def test_mistakes_in_the_file_change_nothing(project: Project) -> None:
    project.write("asyncInvokeConfig: {destinationConfig: {onSucess: {destination: x}}}")
    ran = project.deploy()
    assert ran.status == 2 and "'onSucess' is not onSuccess or onFailure" in ran.err
    assert project.there() is None


def test_wrong_credentials_are_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write()
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", "another secret")
    ran = project.deploy()
    assert ran.status == 1 and "SignatureNotMatch" in ran.err
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", "")
    ran = project.deploy()
    assert ran.status == 1 and "required HTTP header Authorization" in ran.err


def test_a_service_that_is_not_there_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write()
    monkeypatch.setenv("THENCE_URL", "http://127.0.0.1:1")
    assert project.deploy().status == 3


# ---------------------------------------------------------------- the example


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy, which tests may change."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


@pytest.mark.parametrize(
    ("file", "function", "box"),
    [
        ("s.yaml", "orders-charge", "orders-charged"),
        ("s-fc2.yaml", "orders$charge", "charged"),
    ],
)
def test_the_example_is_deployed_and_runs(
    at_service: Any, example: Path, file: str, function: str, box: str
) -> None:
    path = str(example / file)
    ran = at_service("deploy", path)
    assert ran.status == 0, ran.err + ran.out
    again = at_service("deploy", path, "--dry-run", "--json")
    changes = [one for resource in again.json["resources"] for one in resource["changes"]]
    assert {one["change"] for one in changes} == {"same"}, changes
    good = json.dumps({"id": "o-1", "amount": 20})
    ran = at_service("invoke", function, "--data", good, "--wait", "--json")
    assert ran.status == 0, ran.err
    assert delivered(at_service, box)["responsePayload"] == (
        '{"id": "o-1", "charged": 20, "in": "EUR"}'
    )


def delivered(thence: Any, box: str) -> dict[str, Any]:
    """The first record in a box; it comes soon after the end of the invocation."""
    for _ in range(5000):
        items = thence("mailbox", f"queue/{box}", "--json").json["items"]
        if items:
            body: dict[str, Any] = items[0]["body"]
            return body if isinstance(body, dict) else json.loads(body)
    raise AssertionError("no record came")


def test_the_example_without_credentials(
    thence: Callable[..., Any], example: Path, tmp_path: Path, open_service: str
) -> None:
    ran = thence("deploy", str(example / "s.yaml"), "--url", open_service)
    assert ran.status == 0, ran.err
    assert "function orders-charge made" in ran.err + ran.out


def test_resources_of_one_service_make_it_once(at_service: Any, example: Path) -> None:
    path = example / "s-fc2.yaml"
    path.write_text(path.read_text().replace("name: orders\n    desc", "name: shared\n    desc"))
    ran = at_service("deploy", str(path), "--dry-run", "--json")
    services = [
        one
        for resource in ran.json["resources"]
        for one in resource["changes"]
        if one["what"] == "service"
    ]
    assert [(one["name"], one["change"]) for one in services] == [("shared", "create")]


@pytest.fixture
def open_service(tmp_path: Path) -> Any:
    """A service that asks nobody who they are."""
    from .conftest import Service

    folder = tmp_path / "open"
    folder.mkdir()
    running = Service(folder, THENCE_ROOT_ACCESS_KEY_ID="", THENCE_ROOT_ACCESS_KEY_SECRET="")
    yield running.url
    running.stop()
