"""The runtime as everybody else sees it: what `runtimes/kinds.py` lists."""

from thence.runtimes.kind import RuntimeKind

from .launcher import ShellLauncher

SHELL = RuntimeKind(
    name="shell",
    launcher=ShellLauncher,
    details=lambda contract, attributes: {},
)
