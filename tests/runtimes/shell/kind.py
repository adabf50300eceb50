"""The runtime as everybody else sees it: what `runtimes/kinds.py` lists."""

from thence.runtimes.kind import HandlerForm, RuntimeKind

from .launcher import ShellLauncher

SHELL = RuntimeKind(
    name="shell",
    launcher=ShellLauncher,
    handlers=HandlerForm(
        pattern=r"[A-Za-z0-9_]+\.sh", form="NAME.sh", rule="letters, digits and _"
    ),
    source_file=lambda handler: handler,
)
