"""A toy runtime: a handler is a shell script of the archive, the payload its input, its output the
result. docs/build/runtimes.md shows it whole."""
