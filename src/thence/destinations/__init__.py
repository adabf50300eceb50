"""Where the record of a finished invocation goes: one file per kind of destination, one `send`."""
