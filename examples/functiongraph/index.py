"""A function as Huawei FunctionGraph's Python runtimes run it."""


def initializer(context):
    context.getLogger().info("initializing %s", context.getFunctionName())


def handler(event, context):
    name = event.get("name") or context.getUserData("NAME", "nobody")
    context.getLogger().info("greeting %s", name)
    return {"greeting": f"Hello, {name}!", "version": context.getVersion()}


def pre_stop():
    print("bye")
