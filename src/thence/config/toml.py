"""TOML within bounds: the file may be a stranger's, and must not keep the machine busy.

`tomllib` walks from the top for every part of a name, so that names of many parts take the square of
their length, and it takes numbers that nothing can write out again.
"""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any

TOML_BYTES_MAX = 256 * 1024
NAME_PARTS_MAX = 16
NUMBER_BITS_MAX = 64
NESTING_MAX = 64  # inline tables whose names have many parts nest deeper than the parser goes

_TEXT_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\.|[^"\\\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|(?P<comment>#[^\n]*+)",
    re.DOTALL,
)
_MANY_PARTS = re.compile(rf"(?:\.[ \t]*+[\w-]++[ \t]*+){{{NAME_PARTS_MAX}}}")


def parse(data: bytes) -> dict[str, Any]:
    """Raises ValueError with what is wrong and where."""
    if len(data) > TOML_BYTES_MAX:
        raise ValueError(f"larger than {TOML_BYTES_MAX} bytes")
    text = data.decode("utf-8-sig").replace("\r\n", "\n")  # some editors begin with a mark
    bare = _TEXT_OR_COMMENT.sub(lambda found: "" if found["comment"] else "x", text)
    if _MANY_PARTS.search(bare) is not None:
        raise ValueError(f"a name has more than {NAME_PARTS_MAX} parts")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # Python's own bound on digits
        raise ValueError(f"a number of over {NUMBER_BITS_MAX} bits") from None
    except RecursionError:
        raise ValueError(f"values are nested over {NESTING_MAX} deep") from None
    _check_values(found, "", 0)
    return found


def _check_values(value: Any, where: str, depth: int) -> None:
    if depth > NESTING_MAX:
        raise ValueError(f"values are nested over {NESTING_MAX} deep")
    if isinstance(value, dict):
        for name, item in value.items():
            _check_values(item, f"{where}.{name[:80]}" if where else name[:80], depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, where, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: {value} is no number that can be used")
    elif isinstance(value, int) and value.bit_length() > NUMBER_BITS_MAX:
        raise ValueError(f"{where}: a number of over {NUMBER_BITS_MAX} bits")
