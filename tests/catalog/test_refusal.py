"""Why a body does not fit its type: the path to the field, wherever in it that is."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from thence.catalog.refusal import refusal


class Inner(Struct, forbid_unknown_fields=True):
    k: str
    v: Annotated[int, Meta(ge=1)] | None = None


class Outer(Struct, forbid_unknown_fields=True):
    one: Inner | None = None
    many: list[Inner] | None = None
    texts: dict[str, str] | None = None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "body: a list is not valid: it must be an object."),
        ({"one": 3}, "one: 3 is not valid: it must be an object or null."),
        (
            {"one": {"k": "", "v": 0}},
            "one.v: 0 is not valid: it must be a whole number, at least 1 or null.",
        ),
        ({"one": {"v": 1}}, "one.k: it is required."),
        ({"one": {"x": 1}}, "one.x: there is no such field; remove it or correct its name."),
        ({"many": {}}, "many: an object is not valid: it must be a list or null."),
        ({"many": [{"k": ""}, 3]}, "many[1]: 3 is not valid: it must be an object."),
        ({"many": [{"k": ""}, {"k": 5}]}, "many[1].k: 5 is not valid: it must be a text."),
        ({"texts": {"a": "", "b": 5}}, "texts.b: 5 is not valid: it must be a text."),
    ],
)
def test_a_refusal_follows_the_path_to_the_field(data: Any, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, Outer)
    assert refusal(caught.value, Outer, data).detail == sentence


def test_a_type_is_looked_into_once_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes milliseconds on the event loop, for whoever sends mistakes."""

    class Own(Struct, forbid_unknown_fields=True):
        a: int = 0

    looked: list[Any] = []
    look = msgspec.inspect.multi_type_info
    monkeypatch.setattr(
        msgspec.inspect, "multi_type_info", lambda kinds: looked.append(kinds) or look(kinds)
    )
    for data in ({"a": "x"}, {"b": 1}, {"a": None}):
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.convert(data, Own)
        assert refusal(caught.value, Own, data).detail[:3] in ("a: ", "b: ")
    assert len(looked) == 1
