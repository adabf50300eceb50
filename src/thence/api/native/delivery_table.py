"""The routes of deliveries and of the mailbox."""

from __future__ import annotations

from ..shared.rest.parameter import CURSOR, FUNCTION, LIMIT, Parameter
from ..shared.rest.route import Route
from . import (
    deliveries,
    mailbox,
)
from .deliveries import DeliveryRedriveAnswer
from .mailbox import BoxList, DeletedAnswer, MessagePage, ReceiveBody
from .shown import DeliveryPage, DeliveryShown

DELIVERIES = (
    Route(
        "GET",
        "/v1/deliveries",
        deliveries.listed,
        "Deliveries, newest first",
        {200: DeliveryPage},
        (
            Parameter("state", "text", "Only in this state.", choices=deliveries.STATES),
            FUNCTION,
            LIMIT,
            CURSOR,
        ),
    ),
    Route(
        "GET",
        "/v1/deliveries/{id}",
        deliveries.get,
        "One delivery with its attempts",
        {200: DeliveryShown},
    ),
    Route(
        "POST",
        "/v1/deliveries/{id}/redrive",
        deliveries.redrive,
        "Send a dead or stopped delivery again",
        {202: DeliveryRedriveAnswer},
    ),
)

MAILBOX = (
    Route("GET", "/v1/mailbox", mailbox.boxes, "All boxes of the mailbox", {200: BoxList}),
    Route(
        "POST",
        "/v1/mailbox/queue/{name}:receive",
        mailbox.receive,
        "Take messages of a queue: hidden from others for a while",
        {200: MessagePage},
        body=ReceiveBody,
        example={"limit": 10, "visibility_seconds": 60},
    ),
    Route(
        "GET",
        "/v1/mailbox/{kind}/{name}",
        mailbox.read,
        "Messages of a box, oldest first, without taking them",
        {200: MessagePage},
        (
            Parameter("after", "integer", "Only behind this `seq`.", 0, 0),
            Parameter("prefix", "text", "Of a bucket: only keys that begin so."),
            LIMIT,
            Parameter("cursor", "integer", "`cursor` of the page before.", None, 0),
        ),
    ),
    Route(
        "DELETE",
        "/v1/mailbox/{kind}/{name}",
        mailbox.delete,
        "Delete one message, or the whole box",
        {200: DeletedAnswer},
        (
            Parameter(
                "seq", "integer", "The message with this `seq`; one of the four is given.", None, 0
            ),
            Parameter("receipt", "text", "Or the received message with this receipt."),
            Parameter("key", "text", "Or the object with this key."),
            Parameter("all", "flag", "Or the whole box.", False),
        ),
    ),
)
