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
        assert ran.status in (0, 1), ran.err
        assert ran.json["dry_run"] is True
        return {
            change["what"]: change["change"]
            for resource in ran.json["resources"]
            for change in resource["changes"]
        }

    def there(self) -> dict[str, Any] | None:
        """The function as the service has it."""
        ran = self._thence("ls", "functions", "--limit", "1000", "--json")
        found = [item for item in ran.json["items"] if item["name"] == self.name]
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
    warning = "triggerType: triggers of type 'timer' (a clock) cannot fire in this service"
    dry = project.deploy("--dry-run")
    assert dry.status == 1 and f"! will be refused: {warning}" in dry.err + dry.out
    assert "as they are. 1 of these will be refused.\n" in dry.err + dry.out
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
    assert trigger["problems"][0].startswith("triggerType: 'smoke-signal' is not a type of")
    assert trigger["refusal"].startswith("InvalidArgument: triggerType")
    assert "zipFile" not in ran.out


def test_what_belongs_to_a_refused_function_is_not_tried(project: Project) -> None:
    project.write(CONFIG, timeout=0)
    ran = project.deploy("--json")
    assert ran.status == 1
    refusals = {change["what"]: change["refusal"] for change in ran.json["resources"][0]["changes"]}
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


def test_mistakes_in_one_resource_change_nothing_of_it_and_all_of_the_others(
    project: Project,
) -> None:
    project.write("asyncInvokeConfig: {destinationConfig: {onSucess: {destination: x}}}")
    one = project.path.read_text()
    other = one.partition("resources:\n")[2].partition("      asyncInvoke")[0]
    other = other.replace("main", "side").replace(project.name, f"{project.name}-2")
    project.path.write_text(one + other)
    ran = project.deploy()
    said = ran.err + ran.out
    assert ran.status == 1 and "'onSucess' is not onSuccess or onFailure" in said
    assert "! not deployed: resources.main.props.asyncInvokeConfig" in said
    assert project.there() is None and f"function {project.name}-2 made" in said


MISTAKES = """
runtme: python3
layers: ['acs:fc:cn-hangzhou:official:layers/x/versions/1']
cpu: many
instanceConcurrency: 0
description: 5
internetAccess: false
logConfig: {project: 5}
tags: {'aliyun-x': y}
asyncInvokeConfig:
  maxAsyncRetryAttempts: 99
  maxAsyncEventAgeInSeconds: soon
  stateful: true
  destinationConfig:
    onSuccess: {destination: 'acs:mns:us-east-9:1:/queues/q/messages'}
    onFailure: {destination: 'acs:fc:::functions/no-such-function-anywhere'}
concurrencyConfig: {reservedConcurrency: -1}
"""


def test_a_dry_run_foretells_every_refusal_and_what_is_mended_is_taken(project: Project) -> None:
    project.write(MISTAKES)
    text = project.path.read_text()
    text = text.replace("runtime: python3.10", "runtime: nodejs18")
    text = text.replace("timeout: 30", "timeout: soon").replace(
        "memorySize: 128", "memorySize: 100"
    )
    project.path.write_text(text.replace("handler: index.handler", "handler: index"))
    ran = project.deploy("--dry-run", "--json")
    assert ran.status == 1 and project.there() is None
    [resource] = ran.json["resources"]
    found = {change["what"]: change["problems"] for change in resource["changes"]}
    for what, fields in {
        "function": (
            *("runtme", "layers", "cpu", "instanceConcurrency", "description", "internetAccess"),
            *("logConfig.project", "tags", "runtime", "timeout", "memorySize", "handler"),
        ),
        "async config": (
            *("maxAsyncRetryAttempts", "maxAsyncEventAgeInSeconds", "stateful"),
            *("destinationConfig.onSuccess.destination", "destinationConfig.onFailure.destination"),
        ),
        "concurrency": ("reservedConcurrency",),
    }.items():
        assert sorted(sentence.partition(":")[0] for sentence in found[what]) == sorted(fields), (
            found[what]
        )
    assert "did you mean runtime" in " ".join(found["function"])
    # What the deployment says first of each is among what was foretold.
    ran = project.deploy("--json")
    [resource] = ran.json["resources"]
    [function] = [change for change in resource["changes"] if change["what"] == "function"]
    assert function["refusal"].partition(": ")[2].rstrip(".") in " ".join(found["function"])
    # Without all that, nothing is foretold and nothing refused.
    project.write(CONFIG)
    assert project.deploy("--dry-run").status == 0 and project.deploy().status == 0


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("runtme: x", "runtme"),
        ("timeout: 90000", "timeout"),
        ("memorySize: 64", "memorySize"),
        ("handler: 'a b'", "handler"),
        ("environmentVariables: {'1 X': y}", "environmentVariables"),
        ("diskSize: 7", "diskSize"),
        ("instanceLifecycleConfig: {initializer: {handler: i.h, timeout: 999}}", "instance"),
        ("instanceLifecycleConfig: {preFreeze: {handler: i.h}}", "instanceLifecycleConfig"),
        ("customRuntimeConfig: {command: [x]}", "customRuntimeConfig"),
        ("gpuConfig: {gpuType: x}", "gpuConfig"),
        ("sessionAffinity: MCP", "sessionAffinity"),
        ("customDNS: {nameServers: [x]}", "customDNS"),
        ("idleTimeout: -1", "idleTimeout"),
    ],
)
def test_what_is_foretold_of_a_function_is_what_the_service_says(
    project: Project, line: str, field: str
) -> None:
    project.write(line)
    name = line.partition(":")[0]
    lines = [line for line in project.path.read_text().splitlines() if line.strip() != ""]
    kept = [line for at, line in enumerate(lines) if not line.strip().startswith(f"{name}:")]
    project.path.write_text("\n".join([*kept, f"      {line}"]) + "\n")
    dry = project.deploy("--dry-run", "--json")
    assert dry.status == 1
    [problem] = dry.json["resources"][0]["changes"][0]["problems"]
    assert problem.startswith(field)
    ran = project.deploy("--json")
    refusal = ran.json["resources"][0]["changes"][0]["refusal"]
    assert ran.status == 1 and refusal == f"InvalidArgument: {problem}"


def test_destinations_that_lead_back_are_foretold(project: Project) -> None:
    project.write()
    one = project.path.read_text()
    loop = (
        "      asyncInvokeConfig: {{destinationConfig: {{onFailure: {{destination: "
        "'acs:fc:::functions/{}'}}}}}}\n"
    )
    name, other = project.name, f"{project.name}-2"
    second = one.partition("resources:\n")[2].replace("main", "side").replace(name, other)
    project.path.write_text(one + loop.format(other) + second + loop.format(name))
    ran = project.deploy("--dry-run")
    said = ran.err + ran.out
    # The first of the two is taken: it leads back only once the second is there.
    assert ran.status == 1 and f"form a cycle: {other} -> {name} -> {other}" in said
    assert said.count("form a cycle") == 1 and "destinationConfig.onFailure: these" in said
    assert project.deploy().status == 1
    project.path.write_text(one + loop.format(other) + second)
    assert project.deploy("--dry-run").status == 0 and project.deploy().status == 0
    # The way back would now lead over the service's own configuration.
    project.path.write_text("resources:\n" + second + loop.format(name))
    ran = project.deploy("--dry-run")
    assert ran.status == 1 and "form a cycle" in ran.err + ran.out


def test_a_qualifier_that_is_not_there_is_foretold(project: Project) -> None:
    project.write("asyncInvokeConfig: {qualifier: prod}")
    ran = project.deploy("--dry-run")
    assert ran.status == 1 and "has no version or alias 'prod'" in ran.err + ran.out


def test_code_over_the_limits_and_none_at_all_are_foretold(project: Project) -> None:
    project.write()
    project.path.write_text(project.path.read_text().replace("      code: ./code\n", ""))
    ran = project.deploy("--dry-run")
    assert ran.status == 1 and "code: it is required" in ran.err + ran.out


def test_code_that_is_not_there_is_one_mistake_and_not_two(project: Project) -> None:
    project.write()
    project.path.write_text(project.path.read_text().replace("./code", "./cod"))
    ran = project.deploy("--dry-run")
    assert ran.status == 1 and "there is no './cod' in the project's folder" in ran.err + ran.out
    assert "code: it is required" not in ran.err + ran.out


def test_the_account_of_the_service_is_known_to_the_file(project: Project) -> None:
    project.write("description: 'of ${config(AccountID)}'")
    ran = project.deploy("--dry-run", "--json")
    assert ran.status == 0, ran.err
    [resource] = ran.json["resources"]
    fields = {change["field"]: change["after"] for change in resource["changes"][0]["differences"]}
    settings = {
        setting["name"]: setting["value"]
        for setting in project._thence("config", "--json").json["items"]
    }
    assert settings["account_id"] and fields["description"] == f"of {settings['account_id']}"


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
    changes = [change for resource in again.json["resources"] for change in resource["changes"]]
    assert {change["change"] for change in changes} == {"same"}, changes
    good = json.dumps({"id": "o-1", "amount": 20})
    ran = at_service("invoke", function, "--data", good, "--wait", "--json")
    assert ran.status == 0, ran.err
    assert delivered(at_service, box)["responsePayload"] == (
        '{"id": "o-1", "charged": 20, "in": "EUR"}'
    )


def delivered(thence: Any, box: str) -> dict[str, Any]:
    """The first record in a box; it comes soon after the end of the invocation."""
    for _ in range(5000):
        items = thence("mailbox", "read", f"queue/{box}", "--json").json["items"]
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
        change
        for resource in ran.json["resources"]
        for change in resource["changes"]
        if change["what"] == "service"
    ]
    assert [(change["name"], change["change"]) for change in services] == [("shared", "create")]


@pytest.fixture
def open_service(tmp_path: Path) -> Any:
    """A service that asks nobody who they are."""
    from .conftest import Service

    folder = tmp_path / "open"
    folder.mkdir()
    running = Service(folder, THENCE_ROOT_ACCESS_KEY_ID="", THENCE_ROOT_ACCESS_KEY_SECRET="")
    yield running.url
    running.stop()


def test_a_second_resource_of_a_service_is_made_though_the_first_is_refused(
    at_service: Any, tmp_path: Path
) -> None:
    (tmp_path / "index.py").write_text("def handler(event, context):\n    return event\n")
    one = (
        "  {name}:\n    component: fc\n    props:\n      service: {{name: both{said}}}\n"
        "      function: {{name: {name}, runtime: python3, handler: index.handler, "
        "codeUri: ./index.py{more}}}\n"
    )
    path = tmp_path / "s.yaml"
    for more, said in ((", timeout: 0", ""), ("", ", description: 5"), (", memorySize: 1", "")):
        path.write_text(
            "services:\n" + one.format(name="one", more=more, said=said)
            + one.format(name="two", more="", said="")
        )  # fmt: skip
        dry = at_service("deploy", str(path), "--dry-run", "--json")
        ran = at_service("deploy", str(path), "--json")
        assert dry.status == ran.status == 1
        first, second = ran.json["resources"]
        assert any(change["refusal"] for change in first["changes"])
        assert not any(change["refusal"] for change in second["changes"]), second
        assert at_service("invoke", "both$two", "--data", "1", "--wait").status == 0
        assert at_service("function", "delete", "both$two", "--yes").status == 0


def test_a_placeholder_that_was_not_filled_in_is_told_and_the_others_are_deployed(
    project: Project,
) -> None:
    project.write()
    one = project.path.read_text()
    other = one.partition("resources:\n")[2].replace("main", "side")
    other = other.replace(project.name, "'{{ functionName }}'")
    project.path.write_text(one + other)
    ran = project.deploy("--dry-run")
    said = ran.err + ran.out
    assert ran.status == 1 and "a placeholder of a template that was not filled in" in said
    assert project.deploy().status == 1 and project.there() is not None
