"""The lineage as webhooks carry it."""

from __future__ import annotations

import pytest

from thence.lifecycle.lineage import Lineage, read_header, write_header

ROOT = "01890a5d-ac96-774b-bcce-b302099a8057"
OTHER = "01890a5d-ac96-774b-bcce-b302099a8058"


def test_each_webhook_is_one_hop_more_and_tells_no_function() -> None:
    first = write_header(None, ROOT)
    assert first == f"{ROOT};hops=1"
    second = write_header(read_header(first), OTHER)
    assert second == f"{ROOT};hops=2"
    assert write_header(Lineage(ROOT, 16, ("secret-name",)), OTHER) == f"{ROOT};hops=17"


@pytest.mark.parametrize("text", ["", "x", ROOT, f"{ROOT};hops=", f"{ROOT};hops=-1", "a" * 10_000])
def test_what_cannot_be_read_is_left_out(text: str) -> None:
    assert read_header(text) is None
