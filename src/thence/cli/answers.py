"""What the service answers, and what is not the service's: refusals, JSON, a stream of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import ThenceError

NOT_THENCE = (
    "what listens there is not Thence, or another version of it. Correct --url or THENCE_URL."
)


class Unreachable(ThenceError):
    """Nothing answers at the service's address, or what answers is not Thence."""

    code = "unreachable"
    title = "The service cannot be reached"


_OPTIONS = {  # what a header is to whoever calls a command
    "Thence-Delay-Seconds": "--delay",
    "Idempotency-Key": "--key",
    "Content-Type": "--content-type",
    "Last-Event-ID": "--after",
}


def _in_options(document: dict[str, Any]) -> dict[str, Any]:
    """The problem as one of the option that the header was made of."""
    header = document.get("field")
    option = _OPTIONS.get(header) if isinstance(header, str) else None
    if option is None:
        return document
    detail = str(document.get("detail", "")).replace(f"{header}:", f"{option}:", 1)
    return {**document, "field": option, "detail": detail}


class Problem(ThenceError):
    """The service refused: an RFC 9457 problem as it was answered; or somebody else did (`foreign`)."""

    code = "problem"

    def __init__(self, status: int, document: dict[str, Any], *, foreign: bool = False) -> None:
        document = _in_options(document)
        super().__init__(str(document.get("detail") or document.get("title") or f"HTTP {status}"))
        self.status = status
        self.foreign = foreign
        """It is not Thence's: a proxy's, or another service's."""
        self.document = document
        self.problem_code = str(document.get("code", ""))
        self.problem_title = str(document.get("title") or f"HTTP {status}")


class Document(dict[str, Any]):
    """An object of an answer. A field that is not there says who has probably answered, whichever
    command asks for it."""

    def __missing__(self, name: str) -> Any:
        raise Unreachable(f"The answer has no field {name!r}: {NOT_THENCE}")


class Answer:
    """A complete answer of the service."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name: str) -> str | None:
        """Its value; names are as good in small letters."""
        name = name.lower()
        return next((text for key, text in self.headers.items() if key.lower() == name), None)

    def json(self) -> Any:
        try:
            found = json.loads(self.body, object_hook=Document)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, Document):
            raise Unreachable(
                "The answer is not a JSON object: what listens there is probably not Thence. Correct "
                "--url or THENCE_URL."
            )
        return found


_ADVICE = {
    413: "A proxy takes no body as large as this one: raise its limit (nginx: client_max_body_size, "
    "1 MB as it comes).",
    502: "The proxy does not reach Thence: look whether the service runs, and where the proxy leads.",
    503: "The proxy has nobody to ask: look whether the service runs, and where the proxy leads.",
    504: "The proxy did not wait long enough for Thence: raise its time limit.",
}


def refusal(answer: Answer, url: str) -> Problem:
    """What a status from 400 on says, in the words of Thence or of somebody else."""
    document = _problem(answer)
    if document is not None:
        return Problem(answer.status, document)
    advice = _ADVICE.get(
        answer.status, "Correct --url or THENCE_URL, or look into the log of the proxy."
    )
    stranger = {
        "title": f"{url} answered {answer.status}",
        "detail": "The answer is not one of Thence: it is a proxy's in front of it, or another "
        f"service's. {advice}",
    }
    return Problem(answer.status, stranger, foreign=True)


def _problem(answer: Answer) -> dict[str, Any] | None:
    """The body of a refusal of Thence (of a vendor's door, too), None where it is not one."""
    native = (answer.header("content-type") or "").startswith("application/problem+json")
    if not native and answer.header("x-fc-request-id") is None:
        return None
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None  # a problem without a body: told by its status
    return document if isinstance(document, dict) else None


def objects(items: Any) -> Iterator[Document]:
    """The items of a list that was answered. Raises Unreachable where it is none of Thence's."""
    for item in items if isinstance(items, list) else [None]:
        if not isinstance(item, Document):
            raise Unreachable(
                "The answer is no list of Thence's: another service listens there. Correct --url or "
                "THENCE_URL."
            )
        yield item


def parse_events(lines: Iterable[bytes]) -> Iterator[tuple[str, str, str]]:
    """Server-sent events as the HTML standard has them, as far as the service uses them."""
    id, kind = "", ""
    data: list[str] = []
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            if data:
                yield id, kind, "\n".join(data)
            kind, data = "", []
            continue
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            id = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
