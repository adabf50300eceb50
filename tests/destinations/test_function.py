"""The function sender with a small double of the engine's door."""

from __future__ import annotations

import pytest

from thence.destinations.function import FunctionSender
from thence.errors import (
    Draining,
    FunctionNotFound,
    IdempotencyMismatch,
    InvalidInput,
    PayloadTooLarge,
    QualifierNotFound,
    StoreUnavailable,
    Throttled,
)
from thence.lifecycle.ids import format_id
from thence.lifecycle.lineage import HOPS_MAX, Lineage


class Door:
    """Accepts, one invocation for each idempotency key; fails while `error` is set."""

    def __init__(self) -> None:
        self.calls, self.by_key, self.error = [], {}, None

    async def __call__(self, name, payload, **rest) -> int:
        self.calls.append((name, payload, rest))
        if self.error is not None:
            raise self.error
        return self.by_key.setdefault(rest["idempotency_key"], len(self.by_key) + 1)


async def test_the_record_becomes_the_payload_of_the_function(parcel):
    door, sent = Door(), parcel("function:mail")
    answer = await FunctionSender(door).send(sent)
    assert (answer.delivered, answer.status) == (True, 200)
    invocation = format_id(sent.invocation_id)
    assert door.calls == [
        (
            "mail",
            sent.record,
            {
                "content_type": "application/json",
                "idempotency_key": f"delivery:{format_id(sent.delivery_id)}",
                "lineage": Lineage(root=invocation, hops=1, path=("unzip",)),
                "traceparent": sent.traceparent,
                "source": "destination",
            },
        )
    ]


async def test_a_delivery_sent_twice_is_one_invocation(parcel):
    door, sent = Door(), parcel("function:mail")
    sender = FunctionSender(door)
    assert (await sender.send(sent)).delivered
    sent.attempt = 2
    assert (await sender.send(sent)).delivered
    assert len(door.by_key) == 1


async def test_a_qualifier_travels_with_the_name(parcel):
    door = Door()
    await FunctionSender(door).send(parcel("function:mail@prod"))
    assert door.calls[0][0] == "mail@prod"


async def test_the_lineage_grows_by_one_hop(parcel):
    door, before = Door(), Lineage("root-id", 3, ("a", "b", "c"))
    await FunctionSender(door).send(parcel("function:mail", lineage=before))
    assert door.calls[0][2]["lineage"] == Lineage("root-id", 4, ("a", "b", "c", "unzip"))


async def test_the_seventeenth_hop_is_a_dead_letter_that_names_the_path(parcel):
    door = Door()
    path = tuple(f"f{n}" for n in range(HOPS_MAX))
    last = Lineage("root-id", HOPS_MAX - 1, path[:-1])
    assert (await FunctionSender(door).send(parcel("function:mail", lineage=last))).delivered
    full = Lineage("root-id", HOPS_MAX, path)
    answer = await FunctionSender(door).send(parcel("function:mail", lineage=full))
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "too_many_hops")
    assert "16 hops" in answer.error
    assert "f0 -> f1" in answer.error and "f15 -> unzip -> mail" in answer.error
    assert len(door.calls) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FunctionNotFound("There is no function 'mail'."), 404),
        (QualifierNotFound("Function 'mail' has no alias 'x'."), 404),
        (PayloadTooLarge("The payload is 2 bytes; at most 1."), 413),
        (InvalidInput("idempotency_key: too long."), 400),
    ],
)
async def test_what_can_never_be_accepted_is_rejected_with_its_sentence(parcel, error, status):
    door = Door()
    door.error = error
    answer = await FunctionSender(door).send(parcel("function:mail"))
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "rejected")
    assert (answer.status, answer.error) == (status, error.detail)


@pytest.mark.parametrize("kind", [StoreUnavailable, Throttled, Draining])
async def test_not_now_is_tried_again(parcel, kind):
    door = Door()
    door.error = kind("Not now.", retry_after_seconds=5)
    answer = await FunctionSender(door).send(parcel("function:mail"))
    assert (answer.delivered, answer.again, answer.retry_after_seconds) == (False, True, 5)


async def test_a_key_that_was_used_with_another_record_was_delivered_before(parcel):
    door = Door()
    door.error = IdempotencyMismatch("That key was used with another body.")
    assert (await FunctionSender(door).send(parcel("function:mail"))).delivered
