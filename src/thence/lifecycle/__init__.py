"""What an invocation is and what may happen to it next. Pure: no I/O, no clock, no vendor."""
