"""What a plan foretells is what happens: projects with mistakes of chance, and those that were found so,
planned and deployed on a real service."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASES = 60
SEED = 20261127
QUEUE = "acs:mns:::/queues/q/messages"
ODD: tuple[Any, ...] = (
    *(None, "", 0, -1, 1.5, True, "soon", "x" * 300, "x" * 9_000, [], {}, ["a"], {"a": None}),
    *(10**12, "${env(NOPE)}", "${vars.x}", "\x1b[31m", "é", "..", "a/b", "auto", "http://x", "1"),
    *("acs:fc:elsewhere:1:functions/x", "acs:fc:::functions/none/v", [None], "$LATEST"),
)

Deploy = Callable[..., Any]


@pytest.fixture
def deploy(at_service: Any, tmp_path: Path) -> Deploy:
    """Writes a project of those resources and deploys it (or not) with `--json`."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): return event\n")
    path = tmp_path / "s.yaml"

    def run(resources: dict[str, Any], *options: str) -> Any:
        path.write_text(json.dumps({"vars": {"x": {"a": 1}}, "resources": resources}))
        return at_service("deploy", str(path), "--json", *options)

    return run


def function3(name: str, **props: Any) -> dict[str, Any]:
    given = {"functionName": name, "runtime": "python3", "handler": "index.handler"}
    return {"component": "fc3", "props": {**given, "code": "./code", **props}}


def function2(service: dict[str, Any], name: str, **function: Any) -> dict[str, Any]:
    given = {"name": name, "runtime": "python3", "handler": "index.handler", "codeUri": "./code"}
    return {"component": "fc", "props": {"service": service, "function": {**given, **function}}}


def changes(ran: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By resource, thing and name."""
    assert ran.status in (0, 1), ran.err
    return {
        (resource["resource"], change["what"], change["name"]): change
        for resource in ran.json["resources"]
        for change in resource["changes"]
    }


def mistakes(ran: Any) -> dict[str, list[str]]:
    return {resource["resource"]: resource["problems"] for resource in ran.json["resources"]}


# ---------------------------------------------------------------- by chance


def some(rng: random.Random, options: dict[str, Any]) -> dict[str, Any]:
    chosen = rng.sample(list(options), rng.randint(0, len(options) // 2))
    return {name: copy.deepcopy(options[name]) for name in chosen}


def any_resource(rng: random.Random, run: int) -> dict[str, Any]:
    name = f"{rng.choice(('one', 'two', f'new{run}_{rng.randint(0, 9)}'))}"
    target = rng.choice(
        (QUEUE, "acs:fc:::functions/pf-one", "acs:fc:::services/ps/functions/pg-one")
    )
    destination = {"onFailure": {"destination": target}}
    tags = {f"k{rng.randint(0, 40)}": "v" for _ in range(rng.randint(1, 15))}
    both = {
        "timeout": 60,
        "memorySize": 256,
        "description": "d",
        "environmentVariables": {"A": "1"},
        "instanceConcurrency": 2,
        "layers": [],
    }
    if rng.random() < 0.5:
        config = {"maxAsyncRetryAttempts": 1, "destinationConfig": destination}
        only = {
            "tags": tags,
            "cpu": 0.5,
            "role": "acs:ram::1:role/x",
            "concurrencyConfig": {"reservedConcurrency": 3},
            "asyncInvokeConfig": config,
            "triggers": [{"triggerName": "t", "triggerType": "timer", "triggerConfig": {"a": 1}}],
            "instanceLifecycleConfig": {"preStop": {"handler": "index.stop", "timeout": 3}},
            "vpcConfig": "auto",
        }
        return function3(f"pf-{name}", **some(rng, both | only))
    config = {"destination": {"onFailure": target}, "maxAsyncRetryAttempts": 2}
    only = {"initializer": "index.init", "asyncConfiguration": config, "instanceType": "e1"}
    more = {"description": "s", "role": "acs:ram::1:role/x", "nasConfig": "auto"}
    service = {"name": rng.choice(("ps", f"ps{run}")), **some(rng, more)}
    return function2(service, f"pg-{name}", **some(rng, both | only))


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [
        place for key, inner in items for place in ((*before, key), *places(inner, (*before, key)))
    ]


def spoil(rng: random.Random, resource: dict[str, Any]) -> None:
    *way, last = rng.choice([place for place in places(resource) if len(place) > 1])
    holder: Any = resource
    for key in way:
        holder = holder[key]
    kind = rng.random()
    if kind < 0.2 and isinstance(holder, dict):
        holder[f"{last}x"] = holder.pop(last)
    elif kind < 0.3:
        del holder[last]
    elif kind < 0.4 and isinstance(holder, dict):
        holder[rng.choice(("odd", "name", "runtme", "qualifier", "code"))] = rng.choice(ODD)
    elif kind < 0.5 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[last]))
    else:
        holder[last] = copy.deepcopy(rng.choice(ODD))


def compared(foretold: Any, done: Any) -> list[str]:
    """What was foretold and did not happen, and what happened and was not foretold."""
    found = [] if foretold.status == done.status else [f"{foretold.status}, then {done.status}"]
    plan, made = changes(foretold), changes(done)
    if plan.keys() != made.keys() or mistakes(foretold) != mistakes(done):
        return [*found, "another plan"]
    broken = {
        key[0]
        for key, change in plan.items()
        if change["problems"] and key[1] in ("service", "function")
    }
    for key, change in plan.items():
        refusal = made[key]["refusal"]
        if refusal.startswith("not deployed") and mistakes(foretold)[key[0]]:
            continue
        if refusal.startswith("left out") and key[0] in broken:
            continue
        if change["change"] != "same" and bool(change["problems"]) != bool(refusal):
            found.append(f"{key}: {change['problems']}, then {refusal!r}")
    return found


def test_what_is_foretold_is_what_happens(deploy: Deploy) -> None:
    for run in range(CASES):
        seed = SEED + run
        rng = random.Random(seed)
        resources = {f"r{at}": any_resource(rng, run) for at in range(rng.randint(1, 3))}
        for resource in resources.values():
            for _ in range(rng.randint(0, 3)):
                if len(places(resource)) > 2:
                    spoil(rng, resource)
        foretold, done = deploy(resources, "--dry-run"), deploy(resources)
        assert foretold.status in (0, 1), (seed, foretold.err)
        assert compared(foretold, done) == [], (seed, resources)


# ---------------------------------------------------------------- found so


@pytest.mark.parametrize("name", ["..", ".", "\x1b[31m", "a/b", "a?b", "x" * 30_000, "a b", "%2e"])
def test_a_name_that_cannot_be_hurts_its_resource_only(deploy: Deploy, name: str) -> None:
    resources = {
        "function": function3(name),
        "service": function2({"name": name}, "f"),
        "inside": function2({"name": "names"}, name),
        "trigger": function3("names-2", triggers=[{"triggerName": name, "triggerType": "timer"}]),
        "qualifier": function3("names-3", asyncInvokeConfig={"qualifier": name}),
        "good": function3("names-1"),
    }
    for _ in range(2):  # the second time the functions are there
        foretold, done = deploy(resources, "--dry-run"), deploy(resources)
        assert compared(foretold, done) == []
        assert changes(done)["good", "function", "names-1"]["refusal"] == ""
        refused = {key[0] for key, change in changes(done).items() if change["refusal"]}
        assert refused == set(resources) - {"good"}


@pytest.mark.parametrize("first", ["broken", "good"])
def test_resources_of_one_service_in_any_order(deploy: Deploy, first: str) -> None:
    name = f"shared-{first}"
    both = {
        "broken": function2({"name": name, "description": 1.5}, "a"),
        "good": function2({"name": name, "description": "s"}, "b"),
        "third": function2({"name": name}, "c"),
    }
    resources = {first: both[first], **both}
    foretold, done = deploy(resources, "--dry-run"), deploy(resources)
    assert compared(foretold, done) == []
    made = changes(done)
    assert made["good", "function", f"{name}/b"]["refusal"] == ""
    assert made["third", "function", f"{name}/c"]["refusal"] == ""
    again = changes(deploy({key: resources[key] for key in ("third", "good")}, "--dry-run"))
    assert {change["change"] for change in again.values()} == {"same"}


def test_a_function_that_two_resources_name_is_that_of_the_first(deploy: Deploy) -> None:
    resources = {"here": function3("twice"), "there": function3("twice", timeout=5)}
    for options in ((), ("--dry-run",)):
        ran = deploy(resources, *options)
        assert ran.status == 1
        [problem] = mistakes(ran)["there"]
        assert "the resource here is the function twice too" in problem
        assert changes(ran)["here", "function", "twice"]["problems"] == []
    assert deploy(resources, "--resource", "there").status == 0


def test_what_leads_to_a_refused_function_or_configuration_is_told_so(deploy: Deploy) -> None:
    def to(name: str) -> dict[str, Any]:
        arn = f"acs:fc:::functions/{name}"
        return {"destinationConfig": {"onFailure": {"destination": arn}}}

    resources = {
        "refused": function3("lead-1", runtime="none"),
        "to it": function3("lead-2", asyncInvokeConfig=to("lead-1")),
        "to itself": function3("lead-3", asyncInvokeConfig=to("lead-3")),
        "to that": function3("lead-4", asyncInvokeConfig=to("lead-3")),
    }
    for _ in range(2):
        foretold, done = deploy(resources, "--dry-run"), deploy(resources)
        assert compared(foretold, done) == []
        refused = {key[:2] for key, change in changes(done).items() if change["refusal"]}
        assert refused == {
            ("refused", "function"),
            ("to it", "async config"),
            ("to itself", "async config"),
        }


def test_tags_are_counted_with_those_that_are_there(deploy: Deploy) -> None:
    assert deploy({"r": function3("tagged", tags={f"a{at}": "" for at in range(15)})}).status == 0
    more = {"r": function3("tagged", tags={f"b{at}": "" for at in range(6)})}
    foretold, done = deploy(more, "--dry-run"), deploy(more)
    assert compared(foretold, done) == []
    [problem] = changes(foretold)["r", "tags", "tagged"]["problems"]
    assert "21 on one resource; at most 20" in problem


def test_each_tag_with_a_mistake_is_told(deploy: Deploy) -> None:
    tags = {"aliyun": "", "x": "http://", "y": "v" * 200, "good": ""}
    for _ in range(2):
        ran = deploy({"r": function3("tagged-2", tags=tags)}, "--dry-run")
        found = [text for change in changes(ran).values() for text in change["problems"]]
        assert len(found) == 3, found
        assert deploy({"r": function3("tagged-2")}).status == 0


def test_each_variable_with_a_mistake_is_told(deploy: Deploy) -> None:
    variables = {"A-B": "1", "THENCE_X": "2", "": "3", "LIST": [1], "TABLE": {}, "good": "4"}
    ran = deploy({"r": function3("variables", environmentVariables=variables)}, "--dry-run")
    found = changes(ran)["r", "function", "variables"]["problems"]
    assert ["A-B" in found[0], "THENCE_X" in found[1], "''" in found[2]] == [True] * 3, found
    assert len(found) == 3
    names = [problem.partition(": ")[0].rpartition(".")[2] for problem in mistakes(ran)["r"]]
    assert names == ["LIST", "TABLE"]


@pytest.mark.parametrize("name", ["", "${env(NOPE)}"])
def test_what_else_is_wrong_with_a_function_without_a_name_is_told(
    deploy: Deploy, name: str
) -> None:
    config = {"maxAsyncRetryAttempts": 99, "destinationConfig": {"x": {}, "y": {}}}
    inside = {"maxAsyncRetryAttempts": 99, "destination": {"x": "", "y": ""}}
    resources = {
        "third": function3(name, timeout="soon", runtme="x", asyncInvokeConfig=config),
        "second": function2({"name": "s"}, name, timeout="soon", asyncConfiguration=inside),
    }
    foretold, done = deploy(resources, "--dry-run"), deploy(resources)
    assert foretold.status == done.status == 1
    assert mistakes(foretold) == mistakes(done)
    for resource, fields in {"third": ["timeout", "runtme"], "second": ["timeout"]}.items():
        told = mistakes(foretold)[resource]
        assert [sentence.partition(": ")[0] for sentence in told[3:]] == [
            *fields,
            "maxAsyncRetryAttempts",
        ], told
        assert "ame: " in told[0] and "'x' is not" in told[1] and "'y' is not" in told[2]


def test_code_that_cannot_be_had_is_not_told_as_missing(deploy: Deploy, tmp_path: Path) -> None:
    (tmp_path / "code" / "link").symlink_to("/nowhere")
    ran = deploy({"r": function3("linked")}, "--dry-run")
    [problem] = mistakes(ran)["r"]
    assert problem.startswith("resources.r.props.code: link is a link")
    assert changes(ran)["r", "function", "linked"]["problems"] == []


def test_a_trigger_without_a_type_is_foretold(deploy: Deploy) -> None:
    resources = {"r": function3("typeless", triggers=[{"triggerName": "t"}])}
    foretold, done = deploy(resources, "--dry-run"), deploy(resources)
    assert foretold.status == 1 and compared(foretold, done) == []


def test_a_field_of_functions_in_a_service_is_refused(deploy: Deploy) -> None:
    resources = {"r": function2({"name": "mixed", "environmentVariables": {"A": "1"}}, "f")}
    foretold, done = deploy(resources, "--dry-run"), deploy(resources)
    assert compared(foretold, done) == []
    assert "environmentVariables" in changes(foretold)["r", "service", "mixed"]["problems"][0]


def test_the_name_of_a_resource_does_not_steer_the_terminal(
    at_service: Any, deploy: Deploy, tmp_path: Path
) -> None:
    deploy({"red\x1b[31m": function3("steer"), "\x1b]0;x\x07": {"component": "x\x1b[2J"}})
    ran = at_service("deploy", str(tmp_path / "s.yaml"), "--dry-run")
    assert "red" in ran.out + ran.err and "\x1b" not in ran.out + ran.err
