import time


def handler(event, context):
    print("asked", sorted(event))
    if "fail" in event:
        raise ValueError(event["fail"])
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "tell" in event:
        return {
            "request_id": context.getRequestID(),
            "function": context.getFunctionName(),
            "package": context.getPackage(),
            "version": context.getVersion(),
            "alias": context.getAlias(),
            "project": context.getProjectID(),
            "mode": context.getUserData("MODE"),
            "secret": context.getUserData("SECRET"),
        }
    return event
