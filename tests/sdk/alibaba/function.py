import json
import time


def handler(event, context):
    asked = json.loads(event) if event[:1] == b"{" else {}
    print("asked", sorted(asked))
    if "fail" in asked:
        raise ValueError(asked["fail"])
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if "tell" in asked:
        return {
            "request_id": context.request_id,
            "function": context.function.name,
            "account": context.account_id,
            "region": context.region,
            "retry_count": context.retry_count,
            "bytes": isinstance(event, bytes),
        }
    return event
