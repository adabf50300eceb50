"""The project file: values from elsewhere, and every mistake with its sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from thence.cli.serverless_devs import document
from thence.cli.serverless_devs.document import read_document
from thence.cli.serverless_devs.missing_values import why_missing
from thence.cli.serverless_devs.resources import read_resources
from thence.errors import InvalidInput


def read(folder: Path, text: str, **environment: str) -> dict[str, Any]:
    path = folder / "s.yaml"
    path.write_text(text)
    return read_document(path, environment).data


def mistake(folder: Path, text: str, **environment: str) -> str:
    """The sentence of the refusal of the whole file."""
    path = folder / "s.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_resources(read_document(path, environment))
    assert caught.value.fields["field"] and str(path) in caught.value.detail
    return caught.value.detail


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    """Mistakes in the only resource of the file, which is read all the same."""
    path = folder / "s.yaml"
    path.write_text(text)
    [found] = read_resources(read_document(path, environment, lambda: "123"))
    return found.problems


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
def test_loops_have_no_value(tmp_path: Path, text: str) -> None:
    data = read(tmp_path, text)
    found = why_missing(data)
    assert found and all("leads back to itself" in sentence for sentence in found)


def test_a_file_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    lines = ["vars:", "  a0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for number in range(1, 12):
        before = ", ".join([f"'${{vars.a{number - 1}}}'"] * 10)
        lines.append(f"  a{number}: [{before}]")
    assert "grows to over" in mistake(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("${vars.none}", "description: ${vars.none} has no value: there is no 'none'"),
        ("${env(NONE)}", "the variable NONE is not set"),
        ("${env(THENCE_ROOT_ACCESS_KEY_SECRET)}", "begin with THENCE_ are the service's own"),
        ("${env('THENCE_X', 'default')}", "begin with THENCE_ are the service's own"),
        ("x ${env.thence_x}", "begin with THENCE_ are the service's own"),
        ("${file(none.txt)}", "there is no 'none.txt'"),
        ("${file(/etc/passwd)}", "leads out of the project's folder"),
        ("${file(../outside.txt)}", "leads out of the project's folder"),
        ("${file('./link.txt')}", "leads out of the project's folder"),
        ("${file(link/outside.txt)}", "leads out of the project's folder"),
        ("${file(/proc/self/environ)}", "leads out of the project's folder"),
        ("${file(/dev/zero)}", "leads out of the project's folder"),
        ("${file(pipe)}", "no plain file"),
        ("${file(large.txt)}", "larger than 262144 bytes"),
        ("${config(AccessKeySecret)}", "only AccountID is known"),
        ("${this.output.x}", "there is no 'output'"),
        ("${resources.r.output.url}", "there is no 'output'"),
        ("${oss.bucket}", "env, file, path, config, vars, resources, services, this"),
        ("a-${vars.m}", "an object or a list cannot stand inside"),
    ],
)
def test_a_value_that_cannot_be_had_is_a_mistake_of_the_resource_that_uses_it(
    tmp_path: Path, value: str, sentence: str
) -> None:
    (tmp_path / "outside.txt").write_text("SECRET")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "link").symlink_to(tmp_path)
    (folder / "large.txt").write_text("x" * 300_000)
    os.mkfifo(folder / "pipe")
    text = (
        "vars: {m: {x: 1}}\nresources:\n  r: {component: fc3, props: {functionName: f, "
        f"timeout: soon, description: {json.dumps(value)}}}}}\n  ok: {{component: fc3, props: "
        "{functionName: g}}\n"
    )
    path = folder / "s.yaml"
    path.write_text(text)
    environment = {"THENCE_ROOT_ACCESS_KEY_SECRET": "SECRET", "thence_x": "SECRET"}
    hurt, other = read_resources(read_document(path, environment))
    assert len(hurt.problems) == 1 and sentence in hurt.problems[0], hurt.problems
    assert "SECRET" not in hurt.problems[0].replace("ACCESS_KEY_SECRET", "")
    assert other.problems == [] and "description" not in hurt.body


def test_a_value_that_nobody_uses_hurts_nobody(tmp_path: Path) -> None:
    text = """
vars: {unused: "${env(NONE)}"}
resources:
  r:
    component: fc3
    props:
      functionName: f
      region: ${env(REGION)}
      customDomain: {domainName: "${resources.x.output}"}
      vpcConfig: {vpcId: "${env(VPC)}"}
      environmentVariables: {PATTERN: '{"name": ["${functionName}"]}'}
"""
    assert problems(tmp_path, text) == []
    found = wanted(tmp_path, text)
    assert found.body["environmentVariables"] == {"PATTERN": '{"name": ["${functionName}"]}'}


def test_an_unknown_value_in_a_trigger_is_that_triggers(tmp_path: Path) -> None:
    text = """
resources:
  r:
    component: fc3
    props:
      functionName: f
      triggers:
        - triggerName: t
          triggerType: eventbridge
          triggerConfig: {eventRuleFilterPattern: '{"f": ["${functionName}"]}', x: "${env(NONE)}"}
"""
    found = wanted(tmp_path, text)
    assert found.problems == []
    [trigger] = found.triggers
    assert trigger.problems == [
        "resources.r.props.triggers[0].triggerConfig.x: ${env(NONE)} has no value: the variable "
        "NONE is not set."
    ]
    assert "${functionName}" in trigger.body["triggerConfig"] and "NONE" not in str(trigger.body)


def test_the_account_is_that_of_the_service(tmp_path: Path) -> None:
    for written in ("config(AccountID)", "config('AccountID')", 'config("AccountID")'):
        path = tmp_path / "s.yaml"
        path.write_text(f"a: acs:fc:::${{{written}}}\nb: ${{{written}}}\n")
        assert read_document(path, {}, lambda: "123").data == {"a": "acs:fc:::123", "b": "123"}
    why = why_missing(read_document(path, {}).data)
    assert len(why) == 2 and "give it one with THENCE_ACCOUNT_ID" in why[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: {b: 2026-01-02}", "a.b: YAML reads 2026-01-02 as a date; put it in quotes"),
        ("a: !!binary aGVsbG8=", "a: YAML reads b'hello' as a bytes"),
        ("a: {true: x}", "a: YAML reads a name as True; put it in quotes"),
        ("a: {2026-01-02: x}", "a: YAML reads a name as 2026-01-02; put it in quotes"),
        ("a: {!!binary aGk=: x}", "YAML reads a name as b'hi'; put it in quotes"),
        ("a: {? }", "YAML reads a name as None; put it in quotes"),
        ("a: {b: 1, c: 2, b: 3}", "line 1: 'b' is there twice; take one out"),
        ("a: {<<: x}", "line 1: '<<' needs an object or a list of objects"),
        ('a: !!int ""', "'' is no whole number; put it in quotes"),
        ("a: 0x_", "'0x' is no whole number; put it in quotes"),
        ("a: !!timestamp x", "'x' is no date; put it in quotes"),
        ("a: !!bool perhaps", "'perhaps' is neither true nor false"),
        ("a: &a [*a]", "an object holds itself, or is nested over 64 deep"),
        ("a: &a {b: *a}", "an object holds itself, or is nested over 64 deep"),
        ("a: " + "[" * 120_000, "line 1: nested over 64 deep"),
        ("a: " + "{a: " * 60_000, "line 1: nested over 64 deep"),
        ("a: " + "9" * 200_000, "a number of 200000 digits; at most 20"),
        ("a: 1e999", "'1e999' is no number that can be sent"),
        ("a: .nan", "'.nan' is no number that can be sent"),
        ("a: " + "x" * 262_144, "larger than 262144 bytes"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("? [1]\n: 2", "found unhashable key"),
        ("a: [", "not valid YAML"),
        ("- a", "begins with 'edition:'"),
        ("", "begins with 'edition:'"),
    ],
)
def test_mistakes_in_a_file_are_named_with_their_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert sentence in mistake(tmp_path, text)


@pytest.mark.parametrize("text", ["a: [", "a: \0", "a: *x", "a: !x y", "? [1]\n: 2"])
def test_errors_of_the_parser_name_the_file(tmp_path: Path, text: str) -> None:
    said = mistake(tmp_path, text)
    assert f'in "{tmp_path / "s.yaml"}", ' in said and "<" not in said


def test_what_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    for path, sentence in (
        (tmp_path / "none.yaml", "cannot be read"),
        (tmp_path, "cannot be read"),
        (Path("/dev/zero"), "no plain file"),
    ):
        with pytest.raises(InvalidInput, match=sentence):
            read_document(path, {})


@pytest.mark.parametrize("times", [2, 10])
def test_texts_that_double_are_refused(tmp_path: Path, times: int) -> None:
    lines = ["vars:", "  x0: " + "y" * 100]
    for number in range(1, 40):
        lines.append(f"  x{number}: '{f'${{vars.x{number - 1}}}' * times}'")
    assert "its texts grow to over 2097152 characters" in mistake(tmp_path, "\n".join(lines))


LARGE = "z" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        "vars:\n  a: '" + "${file(big.txt)}" * 12_000 + "'\n",
        "vars:\n" + "".join(f"  a{at}: ${{file(big.txt)}}\n" for at in range(7_000)),
        f"vars:\n  a: {LARGE}\n  b: '" + "${vars.a}" * 12_000 + "'\n",
    ],
    ids=["in a text", "as a whole", "of a value"],
)
def test_texts_are_counted_before_they_are_put_together(tmp_path: Path, text: str) -> None:
    (tmp_path / "big.txt").write_text(LARGE)
    tracemalloc.start()
    try:
        assert "its texts grow to over 2097152 characters" in mistake(tmp_path, text)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "a: '" + "${file(empty.txt)}" * 6_000 + "'\nb: '" + "${vars.a}" * 9_000 + "'\n",
        "a: '${env(NO)}" + "${b}" * 20_000 + "'\nb: [" + "'${vars.a}', " * 3_000 + "]\n",
        f"a: &a {LARGE}\nb: [" + "*a, " * 30_000 + "]\n",
        f"a: &a {LARGE}\nb: " + "{*a : " * 30 + "x" + "}" * 30 + "\n",
    ],
    ids=["empty", "without a value", "aliases", "names"],
)
def test_every_text_counts_each_time_that_it_is_looked_through(tmp_path: Path, text: str) -> None:
    (tmp_path / "empty.txt").touch()
    text = "vars:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    assert "its texts grow to over 2097152 characters" in mistake(tmp_path, text)


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff" * 1000)
    opened: list[Any] = []
    read_bounded = document.read_bounded
    monkeypatch.setattr(
        document,
        "read_bounded",
        lambda *given: opened.append(given[0].name) or read_bounded(*given),
    )
    read(tmp_path, "a: [" + "'${file(bad.txt)}', " * 100 + "]")
    assert opened.count("bad.txt") == 1


def test_long_tags_are_refused_before_they_are_written_out(tmp_path: Path) -> None:
    text = f"%TAG !e! {LARGE}\n---\nvars:\n" + "- !e!x y\n" * 10_000
    tracemalloc.start()
    try:
        assert "line 4: a tag of over 256 characters" in mistake(tmp_path, text)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_names_are_one_that_become_one_text(tmp_path: Path) -> None:
    assert "line 1: '1' is there twice" in mistake(tmp_path, "a: {1: x, '1': y}")


def test_a_resource_with_a_dot_in_its_name_has_its_own_values(tmp_path: Path) -> None:
    text = "resources: {a.b: {component: fc3, props: {functionName: f, x: '${this.props.functionName}'}}}"
    assert read(tmp_path, text)["resources"]["a.b"]["props"]["x"] == "f"


def test_a_file_that_wants_too_much_is_refused(tmp_path: Path) -> None:
    one = "vars: {p: &p {component: fc3, props: {functionName: f}}}\nresources:\n"
    text = one + "".join(f"  r{at}: *p\n" for at in range(2_001))
    assert "it wants 2001 functions, configurations and triggers; at most 2000" in mistake(
        tmp_path, text
    )
    text = one.replace("functionName: f", "functionName: f, triggers: [" + "{}, " * 3 + "]")
    assert len(problems(tmp_path, text + "  r: *p\n")) == 3


def test_what_is_told_of_a_file_is_short_whatever_its_names_are(tmp_path: Path) -> None:
    def of(props: str, name: str = "r") -> str:
        return f"resources: {{? {name}\n: {{component: fc3, props: {{functionName: f, {props}}}}}}}"

    long = "a resource's name has at most 256 characters"
    assert long in mistake(tmp_path, of("x: 1", "r" * 257))
    deep = "{" + ("k" * 80 + ": {") * 40 + "x: '${env(A${'" + "}" * 41
    (told,) = problems(tmp_path, of(f"x: {deep}"))
    assert "no braces can stand in a reference" in told and len(told) < 400
    fields = "destination: x, " + ", ".join(f"q{at}: 1" for at in range(1_000))
    found = problems(
        tmp_path, of(f"asyncInvokeConfig: {{destinationConfig: {{onSuccess: {{{fields}}}}}}}")
    )
    assert len(found) == 50 and "onSuccess.q0: there is no such field" in found[0]


def test_code_that_resources_share_is_packed_once(tmp_path: Path) -> None:
    for name in ("code", "none"):
        (tmp_path / name).mkdir()
    (tmp_path / "code" / "i.py").write_text("x = 1")
    props = "{component: fc3, props: {functionName: f, code: ./%s}}"
    text = "resources: {" + ", ".join(
        f"{name}: {props % path}"
        for name, path in (("a", "code"), ("b", "code/../code"), ("c", "none"), ("d", "none"))
    )
    path = tmp_path / "s.yaml"
    path.write_text(text + "}")
    a, b, c, d = read_resources(read_document(path, {}))
    assert a.archive is not None and a.archive is b.archive
    for resource in (c, d):
        assert f"resources.{resource.name}.props.code: " in resource.problems[0]
        assert "holds no file to deploy" in resource.problems[0]


def test_merges_that_double_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{at}: 1" for at in range(10)) + "}"]
    for number in range(1, 30):
        lines.append(f"a{number}: &a{number} {{<<: [*a{number - 1}, *a{number - 1}]}}")
    assert "grows to over 10000 entries" in mistake(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("one", ["- {<<: *a}\n", "- {<<: [*a, *a, *a, *a, *a, *a, *a, *a]}\n"])
def test_merges_are_bounded_before_anything_is_copied(tmp_path: Path, one: str) -> None:
    entries = ", ".join(f"k{at}: " for at in range(5_000))
    text = f"a: &a {{{entries}}}\nb:\n" + one * 4_000
    assert "the file grows to over 10000 entries by '<<'" in mistake(tmp_path, text)


def test_what_an_object_says_itself_counts_before_what_is_merged(tmp_path: Path) -> None:
    data = read(
        tmp_path, "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\nd: {<<: *b}\n"
    )
    assert data["c"] == {"x": 1, "y": 1, "z": 3} and data["d"] == {"y": 2, "z": 2}


@pytest.mark.parametrize(
    "text",
    [
        "'${env(A," + " " * 100_000 + "x) y)}'",
        "'${file(a" + " " * 100_000 + ")x)}'",
        "'" + "${" * 100_000 + "'",
        "'" + "{" * 200_000 + "'",
    ],
    ids=["env", "file", "beginnings", "braces"],
)
def test_a_long_text_is_read_in_the_time_that_its_length_takes(tmp_path: Path, text: str) -> None:
    """The process is killed when it takes long: patterns that look back take hours."""
    path = tmp_path / "s.yaml"
    path.write_text(f"resources: {{r: {{component: fc3, props: {{functionName: {text}}}}}}}")
    program = (
        "import sys, pathlib\n"
        "from thence.cli.serverless_devs.resources import read_resources\n"
        "from thence.cli.serverless_devs.document import read_document\n"
        "print(len(read_resources(read_document(pathlib.Path(sys.argv[1]), {}))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60
    )
    assert ran.stdout == "1\n", ran.stderr


def test_what_stands_in_quotes_is_the_text_between_them(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        """
a: '${env(NONE, "it''s")}'
b: "${env(NONE, 'a, b) c')}"
c: "${env(NONE,   )}|${env('NONE' , ' x ')}"
""",
    )
    assert data == {"a": "it's", "b": "a, b) c", "c": "| x "}


@pytest.mark.parametrize("text", ["${env('A', '{}')}", "${vars.{a}}", "x ${file({)}", "${ env({})"])
def test_braces_in_a_reference_are_told(tmp_path: Path, text: str) -> None:
    [found] = why_missing(read(tmp_path, f'a: "{text}"'))
    assert "no braces can stand in a reference" in found


def test_a_variable_that_is_not_utf8_has_no_value(tmp_path: Path) -> None:
    [found] = why_missing(read(tmp_path, "a: ${env(A)}", A="\udcff"))
    assert "the variable A is not UTF-8" in found


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for number in range(1, 12):
        lines.append(f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]")
    assert "the file grows to over 100000 values" in mistake(tmp_path, "\n".join(lines))


def test_yaml_is_read_as_the_tool_reads_it(tmp_path: Path) -> None:
    """YAML 1.2: only true and false are truth values, nothing is sexagesimal."""
    long = ":".join(["59"] * 50_000)
    data = read(
        tmp_path,
        f"a: [NO, yes, on, 10:30, 190:20:30, 010, 0x1F, 0o17, 1_000, -5, 1.5, 1e3, ~, null, '', "
        f"True]\nb: {long}\nc: &c {{x: 1}}\nd: {{<<: *c, y: 2}}\n",
    )
    expected = ["NO", "yes", "on", "10:30", "190:20:30", 10, 31, 15, 1000, -5, 1.5, 1000.0]
    assert data["a"] == [*expected, None, None, "", True]
    assert data["b"] == long and data["d"] == {"x": 1, "y": 2}


# ---------------------------------------------------------------- resources

FC3 = "resources: {r: {component: fc3, props: {functionName: f, %s}}}"
FC = "services: {r: {component: fc, props: {service: {name: s}, function: {name: f, %s}}}}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
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
        (FC3 % "triggers: [{triggerType: timer}]", "triggers[0].triggerName: a text is needed"),
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
        (FC3 % "concurrencyConfig: {reservedConcurrency: x}", "a whole number is needed"),
        (
            FC3 % "concurrencyConfig: {reservedConcurrency: 1, more: 2}",
            "concurrencyConfig.more: there is no such field",
        ),
        (
            FC3 % "asyncInvokeConfig: {destinationConfig: {onFailure: {destination: a, to: b}}}",
            "destinationConfig.onFailure.to: there is no such field",
        ),
        (FC3 % "tags: [{key: a, value: b}, {key: a}]", "tags[1].key: 'a' is there twice"),
        (FC3 % "code: ''", "write the path of a folder"),
        (FC3 % "tags: 1", "tags: a list of objects is needed"),
        (FC3 % "environmentVariables: {A: [1]}", "environmentVariables.A: a text is needed"),
        (FC3 % "code: /etc", "code: '/etc' leads out of the project's folder"),
        (FC3 % "code: ../..", "code: '../..' leads out of the project's folder"),
        (FC3 % "code: /proc/self/environ", "leads out of the project's folder"),
        (FC3 % "code: /dev/zero", "leads out of the project's folder"),
        (FC3 % f"code: {'a' * 300}", "there is no 'aaa"),
        (FC3 % f"code: {'a/' * 3000}", "there is no 'a/a"),
        (FC3 % "environmentVariables: [A]", "environmentVariables: an object is needed"),
        (
            "services: {r: {component: fc, props: {function: {name: f}}}}",
            "props.service.name: a text is needed",
        ),
        (
            "services: {r: {component: fc, props: {service: {name: s}, function: {runtime: x}}}}",
            "props.function.name: a text is needed",
        ),
        (
            "services: {r: {component: fc, props: {service: {name: s}, triggers: [{name: t}]}}}",
            "props.triggers: they belong to a function, and the resource has none",
        ),
        (
            "services: {r: {component: fc, props: {service: {name: s}, function: [], triggers: "
            "[{name: t}]}}}",
            "props.function: an object is needed",
        ),
        (FC % "code: {zipFile: x}", "function.code: this component has no such property"),
        (FC % "ossBucket: b", "function.ossBucket: code from OSS is not fetched"),
        (FC % "asyncConfiguration: {destination: {onSuccess: {a: b}}}", "a text is needed"),
    ],
)
def test_mistakes_in_resources_are_named_with_their_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    [problem] = problems(tmp_path, text)
    assert sentence in problem


@pytest.mark.parametrize("text", ["edition: 3.0.0", "resources: []", "resources: {}"])
def test_a_file_without_resources_is_refused(tmp_path: Path, text: str) -> None:
    assert "it names no resources" in mistake(tmp_path, text)


def test_all_mistakes_of_a_resource_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        FC3 % "code: ./none, tags: 1, environmentVariables: {A: [1]}, triggers: [{x: 1}, {y: 2}], "
        "concurrencyConfig: {reserved: 1}, asyncInvokeConfig: [3, {destinationConfig: {x: {}}}]",
    )
    for name in ("code", "tags", "environmentVariables.A", "concurrencyConfig"):
        assert any(f"props.{name}" in sentence for sentence in found), name
    assert len([sentence for sentence in found if "triggerName" in sentence]) == 2
    assert len([sentence for sentence in found if "asyncInvokeConfig" in sentence]) == 2


def test_a_component_that_is_not_known_names_the_others(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "resources: {web: {component: oss, props: {}}, one: {component: fc3, props: {functionName: "
        "f}}, two: {component: fc3, props: {functionName: g}}}"
    )
    web, one, two = read_resources(read_document(path, {}))
    [problem] = web.problems
    assert "Deploy the others without it: --resource one --resource two." in problem
    assert one.problems == two.problems == []


def wanted(folder: Path, text: str) -> Any:
    path = folder / "s.yaml"
    path.write_text(text)
    [found] = read_resources(read_document(path, {}))
    return found


def test_forms_that_ask_for_other_parts_of_the_cloud_are_left_out_with_a_note(
    tmp_path: Path,
) -> None:
    found = wanted(
        tmp_path,
        FC3 % "role: {name: r, policies: [p]}, tracingConfig: Enable, vpcConfig: {vpcId: v}, "
        "nasConfig: {mountPoints: [{serverAddr: a}]}, ossMountConfig: auto, "
        "logConfig: {project: p, logstore: l, logsets: x}",
    )
    assert found.problems == []
    assert found.body["logConfig"] == {"project": "p", "logstore": "l"}
    assert {"role", "tracingConfig", "vpcConfig", "nasConfig", "ossMountConfig"}.isdisjoint(
        found.body
    )
    assert [sentence.partition(":")[0] for sentence in found.left_out] == [
        *("role", "tracingConfig", "vpcConfig", "nasConfig", "ossMountConfig", "logConfig.logsets"),
    ]
    quiet = wanted(
        tmp_path,
        FC3 % "role: 'acs:ram::1:role/r', tracingConfig: Disable, vpcConfig: {}, nasConfig: null",
    )
    assert quiet.left_out == [] and quiet.body["role"] == "acs:ram::1:role/r"


def test_a_service_may_stand_alone(tmp_path: Path) -> None:
    found = wanted(
        tmp_path, "services: {r: {component: fc, props: {service: {name: s, description: d}}}}"
    )
    assert (found.service, found.function, found.problems) == ("s", "", [])
    assert found.service_body == {"serviceName": "s", "description": "d"}


def test_an_fc3_resource_is_what_the_api_takes(tmp_path: Path) -> None:
    found = wanted(
        tmp_path,
        FC3 % "region: r, handler: i.h, environmentVariables: {A: 1, B: true, C: null, D: x}, "
        "logConfig: auto, role: auto, customDomain: {}, tags: {k: 1}, vpcBinding: {vpcIds: [v]}, "
        "asyncInvokeConfig: {qualifier: prod, maxAsyncRetryAttempts: 0}",
    )
    assert found.body == {
        "functionName": "f",
        "handler": "i.h",
        "memorySize": 512,
        "environmentVariables": {"A": "1", "B": "true", "C": "", "D": "x"},
    }
    assert found.tags == {"k": "1"} and found.archive is None
    assert [sentence.partition(":")[0] for sentence in found.left_out] == [
        "logConfig",
        "role",
        "customDomain",
        "vpcBinding",
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
    assert [sentence.partition(":")[0] for sentence in found.left_out] == [
        *("customDomains", "provision", "logConfig", "actions"),
    ]
