"""Charges orders; what could not be charged is told to the other function."""

import json
import os


def charge(event, context):
    order = json.loads(event)
    if order["amount"] > int(os.environ["LIMIT"]):
        raise ValueError(f"order {order['id']}: {order['amount']} is over the limit")
    return json.dumps({"id": order["id"], "charged": order["amount"], "in": os.environ["CURRENCY"]})


def tell(event, context):
    record = json.loads(event)
    print("not charged:", record["requestPayload"])
    return record["requestPayload"]
