"""A function as Alibaba Function Compute's Python runtimes run it."""

import json


def initialize(context):
    context.logger.info("initializing %s", context.function.name)


def handler(event, context):
    name = json.loads(event or b"{}").get("name", "nobody")
    context.logger.info("greeting %s, retry %d", name, context.retry_count)
    return f"Hello, {name}!"


def pre_stop(context):
    context.logger.info("bye")
