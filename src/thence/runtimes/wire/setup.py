"""What the node tells the fork server, and so the instance, about an instance that it wants."""

from __future__ import annotations

from msgspec import Struct, field


class Setup(Struct, frozen=True):
    """One instance. Seconds, bytes and MiB as the names say; empty texts: there is none."""

    number: int
    function_name: str
    code_path: str
    handler: str
    event: str  # "json" or "bytes"; of the native contract
    environment: dict[str, str]
    memory_mb: int
    timeout_seconds: float
    log_bytes_max: int
    result_bytes_max: int
    account_id: str = ""
    region: str = ""
    contract: str = "native"
    version: str = "latest"  # of the function
    initializer: str = ""
    initializer_timeout_seconds: float = 3
    pre_stop: str = ""
    pre_stop_timeout_seconds: float = 3
    details: dict[str, str] = field(default_factory=dict)
    """What the contract takes from what a vendor's door keeps; see contracts/choice.py."""

    @property
    def instance(self) -> str:
        return f"instance-{self.number}"
