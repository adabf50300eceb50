"""Destinations by ARN, as ours and back; keys in any case."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from thence.api.fc.arn import ARN_MAX, Home, arn_of, destination_of
from thence.api.fc.errors import FcError
from thence.api.fc.keys import recased
from thence.catalog.destination import UnknownDestination
from thence.catalog.kinds import parse_destination

HOME = Home("cn-hangzhou", "123456789")
FIELD = "destinationConfig.onSuccess.destination"
KIB = 1024
FORMS = [
    ("acs:mns:{}:{}:/queues/q-1/messages", "queue:q-1", "fc", 64 * KIB),
    ("acs:mns:{}:{}:/topics/t/messages", "topic:t", "fc", 64 * KIB),
    ("acs:mq:{}:{}:/instances/MQ_1/topic/t", "topic:MQ_1.t", "fc", 4096 * KIB),
    ("acs:eventbridge:{}:{}:eventbus/my-bus", "stream:my-bus", "fc-eventbridge", 64 * KIB),
    ("acs:fc:{}:{}:functions/f", "function:f", "fc", 128 * KIB),
    ("acs:fc:{}:{}:functions/f/prod", "function:f@prod", "fc", 128 * KIB),
    ("acs:fc:{}:{}:functions/f/3", "function:f@3", "fc", 128 * KIB),
    ("acs:fc:{}:{}:services/s.LATEST/functions/f", "function:s$f", "fc", 128 * KIB),
    ("acs:fc:{}:{}:services/s.prod/functions/f", "function:s$f@prod", "fc", 128 * KIB),
]
HOMES = [("cn-hangzhou", "123456789"), ("", ""), ("cn-hangzhou", ""), ("", "123456789")]


@pytest.mark.parametrize(("arn", "described", "form", "bytes_max"), FORMS)
@pytest.mark.parametrize("home", HOMES)
def test_every_form_is_read_with_own_and_with_empty_region_and_account(
    arn: str, described: str, form: str, bytes_max: int, home: tuple[str, str]
) -> None:
    found = parse_destination(destination_of(arn.format(*home), HOME, FIELD))
    assert found.describe() == described
    assert (found.form, found.record_bytes_max) == (form, bytes_max)  # type: ignore[union-attr]


@pytest.mark.parametrize(("arn", "described"), [(form[0], form[1]) for form in FORMS])
def test_a_destination_becomes_its_arn_again(arn: str, described: str) -> None:
    assert arn_of(parse_destination(described), HOME) == arn.format(HOME.region, HOME.account)


def test_latest_may_be_written_or_left_out() -> None:
    for arn in ("acs:fc:::functions/f", "acs:fc:::functions/f/LATEST"):
        assert destination_of(arn, HOME, FIELD)["qualifier"] == "latest"
    assert destination_of("acs:fc:::services/s/functions/f", HOME, FIELD)["name"] == "s$f"


def test_what_has_no_arn_is_shown_in_our_words() -> None:
    assert arn_of(parse_destination("https://example.com/x?secret=1"), HOME) == (
        "https://example.com/x"
    )
    assert arn_of(parse_destination("bucket:b/p/"), HOME) == "bucket:b/p/"


def test_names_of_different_kinds_stay_apart() -> None:
    boxes = [
        parse_destination(destination_of(arn, HOME, FIELD)).describe()
        for arn in (
            "acs:mns:::/queues/x/messages",
            "acs:mns:::/topics/x/messages",
            "acs:mq:::/instances/x/topic/x",
            "acs:eventbridge:::eventbus/x",
        )
    ]
    assert len(set(boxes)) == 4


@pytest.mark.parametrize(
    ("arn", "says"),
    [
        ("acs:mns:cn-shanghai::/queues/q/messages", "region 'cn-shanghai' is not this service's"),
        ("acs:mns::987:/queues/q/messages", "account '987' is not this service's, '123456789'"),
        ("acs:mns::987:/queues/q/messages", "THENCE_ACCOUNT_ID"),
        ("acs:mns:cn-shanghai::/queues/q/messages", "THENCE_REGION"),
    ],
)
def test_another_region_or_account_is_refused_with_what_to_do(arn: str, says: str) -> None:
    with pytest.raises(FcError) as refused:
        destination_of(arn, HOME, FIELD)
    assert refused.value.fc_code == "InvalidArgument"
    assert refused.value.detail.startswith(FIELD) and says in refused.value.detail


@pytest.mark.parametrize(
    "arn",
    [
        "queue:q",
        "https://example.com/",
        "acs:mns:::/queues/q",
        "acs:mns:::/queues/q.x/messages",
        "acs:mns:::/topics//messages",
        "acs:fc:::functions/9f",
        "acs:fc:::functions/f/latest/x",
        "acs:fc:::functions/f/latest",
        "acs:fc:::services/s/f",
        "acs:oss:::bucket",
        "acs:eventbridge:::eventbus/",
        f"acs:eventbridge:::eventbus/{'b' * 121}",
        "acs:mq:::/instances/i/topic/a.b",
        "acs:mq:::/instances/i",
        "acs:fc::",
        "ACS:fc:::functions/f",
        "acs:fc:::functions/f\n",
        "acs:fc:::functions/" + "f" * ARN_MAX,
    ],
)
def test_what_is_no_arn_of_a_destination_is_refused_naming_the_field(arn: str) -> None:
    with pytest.raises(FcError) as refused:
        destination_of(arn, HOME, FIELD)
    assert refused.value.fc_code == "InvalidArgument"
    assert refused.value.detail.startswith(FIELD)


class _Inner(msgspec.Struct):
    onSuccess: str = ""


class _Outer(msgspec.Struct):
    maxRetries: int = 0
    inner: _Inner | None = None
    weights: dict[str, Any] = {}


def test_keys_in_any_case_become_those_of_the_type() -> None:
    data = {"MaxRetries": 1, "INNER": {"OnSuccess": "x", "other": 1}, "weights": {"MaxRetries": 2}}
    assert recased(data, _Outer) == {
        "maxRetries": 1,
        "inner": {"onSuccess": "x", "other": 1},
        "weights": {"MaxRetries": 2},
    }
    assert recased({"MAXRETRIES": 1, "maxRetries": 2}, _Outer) == {"maxRetries": 2}
    assert recased({"Inner": None, "Unknown": {"A": 1}}, _Outer) == {
        "inner": None,
        "Unknown": {"A": 1},
    }


def test_a_destination_whose_kind_is_not_installed_is_shown_by_its_type() -> None:
    assert arn_of(UnknownDestination("paper", "paper:s3cret"), HOME) == "paper (not installed)"
