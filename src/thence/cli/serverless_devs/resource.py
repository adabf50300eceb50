"""What the resources of a project are to be: plain data in the words of the vendor's API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from msgspec import Struct, field

from ...errors import InvalidInput
from .code_folder import Archive


class ResourceTrigger(Struct):
    name: str
    body: dict[str, Any]  # as the create call takes it
    problems: list[str] = field(default_factory=list)


class Resource(Struct):
    """What a resource of the file is to be: a function with what belongs to it, or a service alone.
    `service` is empty in FC 3.0."""

    name: str  # in the file
    generation: Literal["2023-03-30", "2021-04-06"]
    function: str = ""  # empty: the service alone, or the file does not name it
    service: str = ""
    service_body: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)  # without code
    archive: Archive | None = None  # None: the code is not the file's business
    async_configs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by qualifier
    tags: dict[str, str] | None = None  # None: they are not the file's business
    triggers: list[ResourceTrigger] = field(default_factory=list)
    reserved_concurrency: int | None = None
    left_out: list[str] = field(default_factory=list)
    """What the file says and this service has nothing of: sentences for people."""
    ignored: set[str] = field(default_factory=set)
    """Properties of the file that are not looked at."""
    problems: list[str] = field(default_factory=list)
    """Mistakes of the file in this resource, each a sentence: it is not deployed then."""

    @property
    def shown(self) -> str:
        return f"{self.service}/{self.function}" if self.service else self.function

    @contextmanager
    def noting(self) -> Iterator[None]:
        """A mistake in here is one of the resource, and the next property is read all the same."""
        try:
            yield
        except InvalidInput as error:
            self.problems.append(error.detail)

    def leave_out(self, name: str, why: str) -> None:
        self.ignored.add(name)
        self.left_out.append(f"{name}: {why}")
