"""Where settings come from, which one wins, and what is refused with which sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from thence.config import Secret, shown
from thence.errors import ConfigInvalid
from thence.settings import Settings, known_settings, load

SECRET = "s3cr3t-not-to-be-seen"
CREDENTIALS = {"THENCE_ROOT_ACCESS_KEY_ID": "root", "THENCE_ROOT_ACCESS_KEY_SECRET": SECRET}


@pytest.fixture(autouse=True)
def _an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "thence.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def test_nothing_set_gives_the_defaults() -> None:
    assert load(environment={}) == Settings()
    assert Settings().address == ("127.0.0.1", 7411)
    assert Settings().runtime.instances_max >= 8


def test_a_flag_beats_the_environment_and_that_beats_the_file() -> None:
    written("grace_seconds = 1\nlog_level = 'error'\n[limits]\nbatch_max = 10\nwaiting_max = 7\n")
    environment = {"THENCE_GRACE_SECONDS": "2", "THENCE_LIMITS_BATCH_MAX": "20"}
    settings = load(environment=environment, flags={"limits.batch_max": 30, "log_level": None})
    assert settings.log_level == "error"
    assert settings.grace_seconds == 2
    assert settings.limits.batch_max == 30
    assert settings.limits.waiting_max == 7


def test_the_file_is_named_by_flag_then_variable_then_folder() -> None:
    written("region = 'folder'\n")
    variable = str(written("region = 'variable'\n", "variable.toml"))
    flag = written("region = 'flag'\n", "flag.toml")
    assert load(environment={}).region == "folder"
    assert load(environment={"THENCE_CONFIG": variable}).region == "variable"
    assert load(config=flag, environment={"THENCE_CONFIG": variable}).region == "flag"


@pytest.mark.parametrize("setting", known_settings(), ids=lambda setting: setting.name)
def test_every_setting_can_be_set_by_its_variable(setting) -> None:  # type: ignore[no-untyped-def]
    texts = {
        "listen": "127.0.0.1:0",
        "public_url": "https://faas.example.com",
        "store": "sqlite",
        "log_level": "debug",
        "log_format": "json",
        "runtime.sandbox": "off",
        "destinations.allow_networks": "10.0.0.0/8, fd00::/8",
        "functiongraph.retry_attempts_default": "2",
        "functiongraph.status_log_otlp_endpoint": "http://127.0.0.1:4318/v1/logs",
    }
    number = isinstance(setting.default, (int, float))
    text = texts.get(setting.name, "17" if number else "other")
    environment = {**CREDENTIALS, setting.variable: text}
    settings = load(environment=environment)
    section, _, name = setting.name.rpartition(".")
    value = getattr(getattr(settings, section) if section else settings, name)
    if setting.secret:
        assert value == Secret("other")
    elif setting.name == "destinations.allow_networks":
        assert value == ("10.0.0.0/8", "fd00::/8")
    else:
        assert value == (type(setting.default)(text) if number else text)
        assert type(value) is type(setting.default)


def test_a_secret_can_come_from_a_file_without_its_last_line_end() -> None:
    path = written(SECRET + "\n", "secret")
    environment = {
        "THENCE_ROOT_ACCESS_KEY_ID": "root",
        "THENCE_ROOT_ACCESS_KEY_SECRET_FILE": str(path),
    }
    assert load(environment=environment).root_access_key_secret.reveal() == SECRET


def test_a_secret_set_twice_or_from_no_file_is_refused() -> None:
    path = str(written("other", "secret"))
    with pytest.raises(ConfigInvalid, match="is set too"):
        load(environment={**CREDENTIALS, "THENCE_ROOT_ACCESS_KEY_SECRET_FILE": path})
    with pytest.raises(ConfigInvalid, match="cannot be read: No such file"):
        load(
            environment={
                "THENCE_ROOT_ACCESS_KEY_ID": "root",
                "THENCE_ROOT_ACCESS_KEY_SECRET_FILE": "nowhere",
            }
        )


def test_no_text_of_the_settings_shows_the_secret() -> None:
    settings = load(environment=CREDENTIALS)
    assert settings.root_access_key_secret.matches(SECRET)
    assert not settings.root_access_key_secret.matches(SECRET + "x")
    for text in (repr(settings), str(settings), str(settings.redacted())):
        assert SECRET not in text
    assert settings.redacted()["root_access_key_secret"] == "…"
    assert Settings().redacted()["root_access_key_secret"] == ""
    with pytest.raises(ConfigInvalid) as refusal:
        load(environment={**CREDENTIALS, "THENCE_ROOT_ACCESS_KEY_SECRET": SECRET + "\x00"})
    assert SECRET not in f"{refusal.value} {refusal.value.fields}"


def test_the_redacted_settings_are_complete() -> None:
    shown = Settings().redacted()
    flat = {
        f"{section}.{name}" if isinstance(value, dict) else section
        for section, value in shown.items()
        for name in (value if isinstance(value, dict) else [""])
    }
    assert flat == {setting.name for setting in known_settings()}


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("THENCE_LIMITS_BATCH_MAX", "0", "a whole number, at least 1"),
        ("THENCE_LIMITS_BATCH_MAX", "many", "a whole number, at least 1 and at most"),
        ("THENCE_LIMITS_PAYLOAD_BYTES_MAX", "99999999999", "at most 1073741824"),
        ("THENCE_GRACE_SECONDS", "-1", "a number, at least 0"),
        ("THENCE_GRACE_SECONDS", "nan", "at least 0"),
        ("THENCE_LEASES_LEASE_SECONDS", "inf", "at most 3600"),
        ("THENCE_LOG_LEVEL", "loud", "one of debug, error, info, warning"),
        ("THENCE_LISTEN", "7411", "host:port"),
        ("THENCE_LISTEN", ":7411", "host:port"),
        ("THENCE_LISTEN", "127.0.0.1:70000", "host:port"),
        ("THENCE_LISTEN", "::1:7411", "brackets"),
        ("THENCE_STORE", "My SQL", "the name of a store driver ('sqlite') or a URL"),
        ("THENCE_STORE", "db://a b", "the name of a store driver ('sqlite') or a URL"),
        ("THENCE_ACCOUNT_ID", "a b", "matches ^[A-Za-z0-9_-]{1,64}$"),
        ("THENCE_DESTINATIONS_ALLOW_NETWORKS", "10.0.0.1/8", "10.0.0.0/8"),
    ],
)
def test_a_value_out_of_range_is_refused_with_name_value_source_and_limit(
    variable: str, text: str, says: str
) -> None:
    name = next(s.name for s in known_settings() if s.variable == variable)
    with pytest.raises(ConfigInvalid) as refusal:
        load(environment={variable: text})
    assert says in refusal.value.detail
    assert name in refusal.value.detail
    assert variable in refusal.value.detail
    assert refusal.value.fields["setting"] == name
    assert refusal.value.fields["source"] == f"environment variable {variable}"
    assert refusal.value.fields["limit"]


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        ("sqlite", "sqlite"),
        (
            "db://user:pa55@host:5432,other/name?sslpassword=pa55",
            "db://user:…@host:5432,other/name",
        ),
        ("db://user:p/a@5?5@host/name", "db://user:…@host/name"),
        ("db://host/name?password=pa55", "db://host/name"),
        ("db://user@host", "db://user@host"),
    ],
)
def test_a_database_url_is_shown_without_its_password(url: str, is_shown: str) -> None:
    settings = load(environment={"THENCE_STORE": url})
    assert settings.store == url
    assert settings.redacted()["store"] == is_shown
    assert next(item.value for item in shown(settings) if item.name == "store") == is_shown


def test_a_database_url_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        load(environment={"THENCE_STORE": "db://user:pa55@host/my db"})
    assert "pa55" not in f"{refusal.value} {refusal.value.fields}"


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("lisen = '127.0.0.1:1'", "Did you mean listen?"),
        ("[limits]\npayload_byte_max = 1", "Did you mean limits.payload_bytes_max?"),
        ("[limit]\nbatch_max = 1", "Did you mean [limits]?"),
        ("limits = 3", "write [limits]"),
        ("grace_seconds = '3'", "grace_seconds = '3'"),
        ("grace_seconds = true", "grace_seconds = True"),
        ("a = = b", "cannot be read"),
    ],
)
def test_a_slip_in_the_file_is_refused_with_the_file_and_the_nearest_name(
    text: str, near: str
) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        load(config=written(text, "my.toml"), environment={})
    assert near in refusal.value.detail
    assert "my.toml" in refusal.value.detail


def test_a_named_file_that_is_missing_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match=r"nowhere\.toml cannot be read: No such file"):
        load(config="nowhere.toml", environment={})


def test_a_misspelt_variable_is_refused_and_one_of_another_program_is_not() -> None:
    with pytest.raises(ConfigInvalid, match="Did you mean THENCE_DATA_DIR"):
        load(environment={"THENCE_DATADIR": "x"})
    with pytest.raises(ConfigInvalid, match="THENCE_LIMITS_SPEED"):
        load(environment={"THENCE_LIMITS_SPEED": "9"})
    assert load(environment={"THENCE_URL": "http://127.0.0.1:7411", "HOME": "/"}) == Settings()


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match=r"limits\.batch \(flag\)"):
        load(environment={}, flags={"limits.batch": 1})


@pytest.mark.parametrize("listen", ["0.0.0.0:7411", "[::]:7411", "10.1.2.3:80", "example.org:80"])
def test_an_open_address_needs_credentials(listen: str) -> None:
    with pytest.raises(ConfigInvalid, match="no credentials") as refusal:
        load(environment={"THENCE_LISTEN": listen})
    assert refusal.value.fields["source"] == "environment variable THENCE_LISTEN"
    assert load(environment={"THENCE_LISTEN": listen, **CREDENTIALS}).listen == listen


@pytest.mark.parametrize(
    ("listen", "host"),
    [("127.0.0.1:0", "127.0.0.1"), ("localhost:1", "localhost"), ("[::1]:7411", "::1")],
)
def test_loopback_needs_none(listen: str, host: str) -> None:
    assert load(environment={"THENCE_LISTEN": listen}).address[0] == host


@pytest.mark.parametrize("missing", list(CREDENTIALS))
def test_half_of_the_credentials_is_refused(missing: str) -> None:
    half = {name: value for name, value in CREDENTIALS.items() if name != missing}
    with pytest.raises(ConfigInvalid, match="set together") as refusal:
        load(environment=half)
    assert refusal.value.fields["setting"] == missing.removeprefix("THENCE_").lower()


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("THENCE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("THENCE_REGION", "here")
    assert load().region == "here"


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_with_a_secret_that_others_may_read_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, told: bool
) -> None:
    file = tmp_path / "thence.toml"
    file.write_text('root_access_key_id = "a"\nroot_access_key_secret = "hush"\n')
    file.chmod(mode)
    load(config=file, environment={})
    assert ("chmod 600" in caplog.text) is told and "hush" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:7411", "https://faas.example.com", "https://faas.example.com/"),
        *("http://[::1]:80", "https://a-b.internal:65535", ""),
    ],
)
def test_a_public_url_is_a_scheme_and_a_host(url: str) -> None:
    assert load(environment={"THENCE_PUBLIC_URL": url}).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "faas.example.com",
            "//faas.example.com",
            "ftp://faas.example.com",
            "https://",
            "http://:80",
        ),
        *(
            "https://a/b",
            "https://a?b=c",
            "https://a#b",
            "https://u:p@a",
            "https://a:0",
            "https://a:",
        ),
        *("https://a:99999", "https://a b", "https://ä.example", "https://a\\b", "https://[::1"),
        *("https://a/?", "https://a,b", "https://a\nb"),
        *("https://[::1]x", "https://[::1]443", "https://[v1.faas]"),
    ],
)
def test_what_is_no_base_of_links_is_refused(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="public_url") as caught:
        load(environment={"THENCE_PUBLIC_URL": url})
    assert "http://HOST" in str(caught.value)


def test_a_token_of_one_door_is_refused_where_the_others_would_be_open() -> None:
    token = {"THENCE_FUNCTIONGRAPH_AUTH_TOKEN": "sesame"}
    with pytest.raises(ConfigInvalid, match="every other one would be open") as refusal:
        load(environment=token)
    assert refusal.value.fields["setting"] == "functiongraph.auth_token"
    assert "sesame" not in str(refusal.value) + str(refusal.value.fields)
    assert load(environment={**token, **CREDENTIALS}).functiongraph.auth_token


@pytest.mark.parametrize("where", ["file", "environment", "flag"])
def test_a_first_wait_over_the_time_of_all_tries_is_refused_with_both(
    where: str, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"environment": {}}
    if where == "file":
        given["config"] = tmp_path / "own.toml"
        given["config"].write_text("[destinations]\nfirst_seconds = 40\nbudget_seconds = 30\n")
    elif where == "environment":
        given["environment"] = {"THENCE_DESTINATIONS_FIRST_SECONDS": "40",
                                "THENCE_DESTINATIONS_BUDGET_SECONDS": "30"}  # fmt: skip
    else:
        given["flags"] = {"destinations.first_seconds": 40, "destinations.budget_seconds": 30}
    with pytest.raises(ConfigInvalid) as refused:
        load(**given)
    told = refused.value.detail
    assert "destinations.first_seconds = 40" in told and "destinations.budget_seconds = 30" in told
    assert told.count(where) == 2
    with pytest.raises(ConfigInvalid, match=r"= 2000 \(flag\).* = 1800 \(default\)"):
        load(environment={}, flags={"destinations.first_seconds": 2000})
    assert load(environment={}, flags={"destinations.budget_seconds": 0.5})
