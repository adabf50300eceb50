"""A function that opens something once an instance and closes it when the instance is retired."""

import sqlite3

connection: sqlite3.Connection


def initialize(context):
    global connection
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE seen (name TEXT)")
    print(f"connected, {context.remaining_ms()} ms to spare")


def handler(event, context):
    connection.execute("INSERT INTO seen VALUES (?)", [(event or {}).get("name", "nobody")])
    (count,) = connection.execute("SELECT count(*) FROM seen").fetchone()
    return {"seen": count}


def stop(context):
    connection.close()
