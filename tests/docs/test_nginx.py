"""The sample for nginx is one that nginx reads, and has what the service needs of a proxy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from thence.config import Settings

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SIZES = {"k": 1024, "m": 1024**2}


def sample() -> str:
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert found is not None
    return found[1]


def test_every_line_is_a_directive_and_every_block_ends() -> None:
    depth = 0
    for line in sample().splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        assert re.fullmatch(
            r"(}|[a-z_]+( [^;{}]+)?( \{|;)|[a-z_]+ \{)", re.sub(r" +", " ", text)
        ), line
        depth += text.endswith("{") - (text == "}")
        assert depth >= 0, line
    assert depth == 0


def test_it_takes_what_the_service_takes_and_waits_as_long_as_the_service_waits() -> None:
    text = sample()
    size = re.search(r"client_max_body_size (\d+)([km]);", text)
    assert size is not None
    limits = Settings().limits
    assert int(size[1]) * SIZES[size[2]] >= limits.code_bytes_max * 4 / 3
    seconds = re.search(r"proxy_read_timeout (\d+)s;", text)
    assert seconds is not None and int(seconds[1]) > limits.wait_seconds_max
    for needed in ("Host $http_host", "proxy_http_version 1.1", "proxy_buffering off"):
        assert needed in text


@pytest.mark.skipif(
    shutil.which("nginx") is None and not os.environ.get("CI"), reason="nginx is not installed"
)
def test_nginx_itself_reads_it(tmp_path: Path) -> None:
    # Without TLS: the certificate is the reader's.
    text = re.sub(r"ssl_certificate\S*\s+\S+;", "", sample()).replace("443 ssl", "127.0.0.1:0")
    whole = f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{text}}}\n"
    file = tmp_path / "nginx.conf"
    file.write_text(whole.replace("127.0.0.1:0", "127.0.0.1:18743"))
    told = subprocess.run(
        ["nginx", "-t", "-c", str(file), "-p", str(tmp_path), "-e", str(tmp_path / "log")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
