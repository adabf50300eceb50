"""A first function: greets, and fails when it is told nobody's name, so that retries can be seen."""


def handler(event, context):
    print(f"attempt {context.attempt} of {context.invocation_id}")
    name = (event or {}).get("name")
    if not name:
        raise ValueError('whom shall I greet? Send {"name": "..."}')
    return {"greeting": f"Hello, {name}!"}
