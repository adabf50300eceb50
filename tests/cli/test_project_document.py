"""The project file: values from elsewhere, and every mistake with its sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from thence.cli.project.deploy import wanted_of
from thence.cli.project.document import read_document
from thence.errors import InvalidInput


def read(folder: Path, text: str, **environment: str) -> dict[str, Any]:
    path = folder / "s.yaml"
    path.write_text(text)
    return read_document(path, environment).data


def mistake(folder: Path, text: str, **environment: str) -> str:
    """The sentence of the refusal, from reading to what the resources want."""
    path = folder / "s.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        wanted_of(read_document(path, environment))
    assert caught.value.fields["field"]
    return caught.value.detail


# ---------------------------------------------------------------- values


def test_values_come_from_vars_with_their_types(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        """
vars: {n: 3, flag: true, none: null, map: {a: {b: c}}, list: [1, 2], name: f}
resources:
  r:
    props:
      n: ${vars.n}
      flag: ${ vars.flag }
      none: ${vars.none}
      map: ${vars.map}
      deep: ${vars.map.a.b}
      list: ${vars.list}
      text: ${vars.name}-${vars.n}-${vars.flag}-${vars.none}
""",
    )
    assert data["resources"]["r"]["props"] == {
        "n": 3,
        "flag": True,
        "none": None,
        "map": {"a": {"b": "c"}},
        "deep": "c",
        "list": [1, 2],
        "text": "f-3-true-",
    }


def test_values_come_from_the_environment(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        """
a: ${env(A)}
b: ${env('A')}
c: ${env("NONE", "x y")}
d: ${env.A}/${env(NONE, '')}
""",
        A="1 ${vars.not_looked_at}",
    )
    assert data == {
        **dict.fromkeys("ab", "1 ${vars.not_looked_at}"),
        "c": "x y",
        "d": "1 ${vars.not_looked_at}/",
    }


def test_values_come_from_files_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "note.txt").write_text("costs ${PRICE}\n")
    data = read(tmp_path, "a: ${file(in/note.txt)}\nb: '${file(\"./in/note.txt\")}'\n")
    assert data == {"a": "costs ${PRICE}\n", "b": "costs ${PRICE}\n"}


def test_values_come_from_other_resources_and_the_same_one(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        """
vars: {p: app}
resources:
  one:
    props: {functionName: "${vars.p}-one", again: "${this.props.functionName}"}
  two:
    props: {functionName: two, other: "${resources.one.props.again}", all: "${resources.one.props}"}
""",
    )
    assert data["resources"]["two"]["props"] == {
        "functionName": "two",
        "other": "app-one",
        "all": {"functionName": "app-one", "again": "app-one"},
    }


@pytest.mark.parametrize(
    "text",
    [
        "vars: {a: '${vars.a}'}",
        "vars: {a: '${vars.b}', b: 'x${vars.a}'}",
        "vars: {a: {b: '${vars.a}'}}",
        "resources: {r: {props: {a: '${this.props.b}', b: '${resources.r.props.a}'}}}",
    ],
)
def test_loops_are_refused(tmp_path: Path, text: str) -> None:
    assert "leads back to itself" in mistake(tmp_path, text)


def test_a_file_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    lines = ["vars:", "  a0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for number in range(1, 12):
        before = ", ".join([f"'${{vars.a{number - 1}}}'"] * 10)
        lines.append(f"  a{number}: [{before}]")
    assert "grows to over" in mistake(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: ${vars.none}", "a: ${vars.none} has no value: there is no 'none'"),
        ("a: ${env(NONE)}", "the variable NONE is not set"),
        ("a: ${file(none.txt)}", "none.txt cannot be read"),
        ("a: ${config('AccountID')}", "env, file, vars, resources, services and this"),
        ("a: ${this.props.x}", "there is no 'props'"),
        ("vars: {m: {x: 1}}\na: b-${vars.m}", "an object or a list cannot stand inside"),
        ("a: {b: 2026-01-02}", "a.b: YAML reads 2026-01-02 as a date; put it in quotes"),
        ("a: [", "not valid YAML"),
        ("- a", "begins with 'edition:'"),
        ("", "begins with 'edition:'"),
    ],
)
def test_mistakes_in_a_file_are_named_with_their_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    said = mistake(tmp_path, text)
    assert sentence in said and str(tmp_path / "s.yaml") in said


def test_a_file_that_is_too_large_or_not_there_is_named(tmp_path: Path) -> None:
    assert "larger than 1048576 bytes" in mistake(tmp_path, "a: " + "x" * 1024 * 1024)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(tmp_path / "none.yaml", {})


# ---------------------------------------------------------------- resources

FC3 = "resources: {r: {component: fc3, props: {functionName: f, %s}}}"
FC = "services: {r: {component: fc, props: {service: {name: s}, function: {name: f, %s}}}}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("edition: 3.0.0", "it names no resources"),
        ("resources: []", "it names no resources"),
        ("resources: {r: 1}", "resources.r.props: an object is needed"),
        ("resources: {r: {component: fc3}}", "resources.r.props: an object is needed"),
        ("resources: {r: {component: oss, props: {}}}", "component: 'oss' is not one"),
        ("resources: {r: {props: {}}}", "component: '' is not one"),
        (
            "resources: {r: {component: fc3, props: {functionName: f}, extend: {name: t}}}",
            "extend: templates are not put together",
        ),
        ("resources: {r: {component: fc3, props: {}}}", "functionName: a text is needed"),
        (FC3 % "code: 1", "code: write the path of a folder or a .zip"),
        (FC3 % "code: {ossBucketName: b}", "code from OSS is not fetched"),
        (FC3 % "code: ./none", "code: there is no"),
        (FC3 % "triggers: {a: b}", "triggers: a list of objects is needed"),
        (FC3 % "triggers: [{triggerType: timer}]", "triggers.triggerName: a text is needed"),
        (FC3 % "asyncInvokeConfig: 3", "asyncInvokeConfig: an object is needed"),
        (
            FC3 % "asyncInvokeConfig: {destinationConfig: {onSuccess: x}}",
            "destinationConfig.onSuccess: an object is needed",
        ),
        (
            FC3 % "asyncInvokeConfig: {destinationConfig: {onSucess: {destination: x}}}",
            "'onSucess' is not onSuccess or onFailure",
        ),
        (FC3 % "asyncInvokeConfig: [{}, {qualifier: LATEST}]", "LATEST is configured twice"),
        (FC3 % "concurrencyConfig: {reservedConcurrency: many}", "a whole number is needed"),
        (FC3 % "concurrencyConfig: {reserved: 1}", "a whole number is needed"),
        (FC3 % "tags: 1", "tags: a list of objects is needed"),
        (FC3 % "environmentVariables: {A: [1]}", "environmentVariables.A: a text is needed"),
        (FC3 % "environmentVariables: {NO: x}", "YAML reads a name as False; put it in quotes"),
        (FC3 % "environmentVariables: [A]", "environmentVariables: an object is needed"),
        (
            "services: {r: {component: fc, props: {function: {name: f}}}}",
            "props.service.name: a text is needed",
        ),
        (
            "services: {r: {component: fc, props: {service: {name: s}}}}",
            "props.function.name: a text is needed",
        ),
        (FC % "ossBucket: b", "function.ossBucket: code from OSS is not fetched"),
        (FC % "asyncConfiguration: {destination: {onSuccess: {a: b}}}", "a text is needed"),
    ],
)
def test_mistakes_in_resources_are_named_with_their_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert sentence in mistake(tmp_path, text)


def wanted(folder: Path, text: str) -> Any:
    path = folder / "s.yaml"
    path.write_text(text)
    [found] = wanted_of(read_document(path, {}))
    return found


def test_an_fc3_resource_is_what_the_api_takes(tmp_path: Path) -> None:
    found = wanted(
        tmp_path,
        FC3 % "region: r, handler: i.h, environmentVariables: {A: 1, B: true, C: null, D: x}, "
        "logConfig: auto, role: auto, customDomain: {}, tags: {k: 1}, "
        "asyncInvokeConfig: {qualifier: prod, maxAsyncRetryAttempts: 0}",
    )
    assert found.body == {
        "functionName": "f",
        "handler": "i.h",
        "memorySize": 512,
        "environmentVariables": {"A": "1", "B": "true", "C": "", "D": "x"},
    }
    assert found.tags == {"k": "1"} and found.archive is None
    assert [one.partition(":")[0] for one in found.left_out] == [
        "logConfig",
        "role",
        "customDomain",
    ]
    assert found.async_configs == {
        "prod": {
            "maxAsyncRetryAttempts": 0,
            "maxAsyncEventAgeInSeconds": 18_000,
            "asyncTask": False,
            "destinationConfig": {
                "onSuccess": {"destination": ""},
                "onFailure": {"destination": ""},
            },
        }
    }


def test_an_fc_resource_is_what_the_api_takes(tmp_path: Path) -> None:
    found = wanted(
        tmp_path,
        """
services:
  r:
    component: devsapp/fc@0.1.3
    actions: {post-deploy: [{run: rm -rf x}]}
    props:
      region: r
      service: {name: s, logConfig: auto, description: d}
      function:
        name: f
        handler: i.h
        environmentVariables: {A: 1}
        asyncConfiguration: {destination: {onFailure: 'acs:mns:::/queues/q/messages'}}
      triggers:
        - {name: t, type: timer, config: {cronExpression: '@every 1m'}, qualifier: LATEST}
      customDomains: [x]
      provision: {x: 1}
""",
    )
    assert (found.service, found.function, found.generation) == ("s", "f", "2021-04-06")
    assert found.service_body == {"serviceName": "s", "description": "d"}
    assert found.body == {
        "functionName": "f",
        "handler": "i.h",
        "environmentVariables": {"A": "1"},
    }
    config = found.async_configs["LATEST"]
    assert config["maxAsyncEventAgeInSeconds"] == 86_400 and config["statefulInvocation"] is False
    assert config["destinationConfig"]["onFailure"] == {
        "destination": "acs:mns:::/queues/q/messages"
    }
    assert found.triggers[0].body == {
        "triggerName": "t",
        "triggerType": "timer",
        "triggerConfig": '{"cronExpression":"@every 1m"}',
        "qualifier": "LATEST",
    }
    assert [one.partition(":")[0] for one in found.left_out] == [
        *("logConfig", "customDomains", "provision", "actions"),
    ]
