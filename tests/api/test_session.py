"""Browsers: a session's cookie stands for the credentials, and pages are served below a path."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from tests.doors.served import served
from yarl import URL

from thence import server as server_module
from thence.api.shared import sessions
from thence.api.shared.pages import folder
from thence.config import Secret
from thence.config.settings import Limits, Settings

from .conftest import Answer, MakeServer, Server

KEY = {"root_access_key_id": "root", "root_access_key_secret": Secret("a-secret-of-some-length")}
BEARER = {"Authorization": "Bearer root:a-secret-of-some-length"}
COOKIE = re.compile(
    r"thence_session=([A-Za-z0-9_-]*); Path=/; Max-Age=(\d+); HttpOnly; SameSite=Strict"
)


@pytest.fixture
async def server(make_server: MakeServer) -> Server:
    return await make_server(**KEY)


async def _sign_in(server: Server, **headers: str) -> tuple[dict[str, str], str]:
    """The header of a browser that signed in, and its CSRF token."""
    answer = await server.post("/v1/session", headers={**BEARER, **headers})
    assert answer.status == 201, answer.body
    match = COOKIE.match(answer.headers["set-cookie"])
    assert match is not None and match[2] == str(12 * 3600), answer.headers
    return {"Cookie": f"theme=dark; thence_session={match[1]}"}, answer.json["csrf_token"]


async def test_a_session_has_the_rights_of_the_credentials(server: Server):
    cookie, token = await _sign_in(server)
    assert (await server.get("/v1/functions")).status == 401
    assert (await server.get("/v1/functions", headers=cookie)).status == 200
    assert (await server.get("/metrics", headers=cookie)).status == 200
    shown = (await server.get("/v1/session", headers=cookie)).json
    assert (shown["required"], shown["actor"], shown["csrf_token"]) == (True, "root", token)
    assert shown["expires_at"]
    csrf = {**cookie, "Thence-CSRF-Token": token}
    put = await server.request("PUT", "/v1/functions/f", headers=csrf, json={"code": ""})
    assert put.status == 400  # it was looked at
    made = await server.post("/v1/functions/f/invocations", headers=csrf, data=b"1")
    assert made.status == 404 and made.problem()["code"] == "function_not_found"


@pytest.mark.parametrize("given", [None, "", "0" * 64])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/functions/f/invocations"),
        ("PUT", "/v1/functions/f"),
        ("DELETE", "/v1/functions/f"),
        ("DELETE", "/v1/session"),
    ],
)
async def test_what_changes_anything_needs_the_csrf_token_of_the_session(
    server: Server, method: str, path: str, given: str | None
):
    cookie, _ = await _sign_in(server)
    headers = cookie if given is None else {**cookie, "Thence-CSRF-Token": given}
    refused = await server.request(method, path, headers=headers)
    assert refused.status == 403 and "csrf_token" in refused.problem()["detail"]
    assert (await server.get("/v1/functions", headers=cookie)).status == 200


async def test_the_csrf_token_of_another_session_is_none(server: Server):
    cookie, _ = await _sign_in(server)
    _, other = await _sign_in(server)
    headers = {**cookie, "Thence-CSRF-Token": other}
    assert (await server.request("DELETE", "/v1/functions/f", headers=headers)).status == 403


async def test_a_csrf_token_alone_proves_nothing(server: Server):
    _, token = await _sign_in(server)
    headers = {"Thence-CSRF-Token": token}
    assert (await server.get("/v1/functions", headers=headers)).status == 401


async def test_a_forged_or_cut_cookie_is_none(server: Server):
    cookie, _ = await _sign_in(server)
    value = cookie["Cookie"].rpartition("=")[2]
    bad = ["", "x", value[:-1], value + "A", "A" + value[1:], value[::-1], "é", "A" * 5000]
    for text in bad:
        answer = await server.get("/v1/functions", headers={"Cookie": f"thence_session={text}"})
        assert answer.status == 401, text
    beside = {"Cookie": f"thence_session=other; thence_session={value}"}
    assert (await server.get("/v1/functions", headers=beside)).status == 200


async def test_cookies_of_others_do_not_hide_the_session(server: Server):
    """A browser sends those of every port of the host, and a program there may set many."""
    cookie, _ = await _sign_in(server)
    value = cookie["Cookie"].rpartition("=")[2]
    others = "; ".join(f"other{number}=x" for number in range(200))
    forged = "; ".join(f"thence_session=x{number}" for number in range(19))
    for before, status in ((others, 200), (forged, 200), (f"{forged}; thence_session=x", 401)):
        headers = {"Cookie": f"{before}; thence_session={value}"}
        assert (await server.get("/v1/functions", headers=headers)).status == status


async def test_over_a_restart_a_session_holds_and_one_that_signed_out_does_not(tmp_path: Path):
    settings = Settings(**KEY, data_dir=str(tmp_path / "again"), listen="127.0.0.1:0")
    async with served(Server, settings) as server:
        kept, _ = await _sign_in(server)
        gone, token = await _sign_in(server)
        csrf = {**gone, "Thence-CSRF-Token": token}
        assert (await server.request("DELETE", "/v1/session", headers=csrf)).status == 204
    async with served(Server, settings) as server:
        assert (await server.get("/v1/functions", headers=kept)).status == 200
        assert (await server.get("/v1/functions", headers=gone)).status == 401
    other = msgspec.structs.replace(settings, root_access_key_secret=Secret("another-secret-of-it"))
    async with served(Server, other) as server:
        assert (await server.get("/v1/functions", headers=kept)).status == 401


@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "TRACE"])
async def test_no_other_method_goes_without_the_csrf_token(server: Server, method: str):
    cookie, _ = await _sign_in(server)
    headers = {**cookie, "X-HTTP-Method-Override": "GET"}
    answer = await server.request(method, "/v1/functions/f", headers=headers)
    assert answer.status == 403


async def test_a_session_that_signed_out_holds_no_more(server: Server):
    cookie, token = await _sign_in(server)
    other, _ = await _sign_in(server)
    answer = await server.request(
        "DELETE", "/v1/session", headers={**cookie, "Thence-CSRF-Token": token}
    )
    assert answer.status == 204 and "Max-Age=0" in answer.headers["set-cookie"]
    assert (await server.get("/v1/functions", headers=cookie)).status == 401
    assert (await server.get("/v1/functions", headers=other)).status == 200


async def test_sessions_that_signed_out_are_kept_until_their_time_and_not_without_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "SIGNED_OUT_MAX", 2)
    browsers = [await _sign_in(server) for _ in range(3)]
    answers = []
    for cookie, token in browsers:
        headers = {**cookie, "Thence-CSRF-Token": token}
        answers.append((await server.request("DELETE", "/v1/session", headers=headers)).status)
    assert answers == [204, 204, 503]
    for (cookie, _), status in zip(browsers, (401, 401, 200), strict=True):
        assert (await server.get("/v1/functions", headers=cookie)).status == status
    functions = server.service.engine.functions
    for entry in functions.entries(sessions.SIGNED_OUT, ""):
        await functions.put_entry(sessions.SIGNED_OUT, "", entry.name, b"1")  # long over
    headers = {**browsers[2][0], "Thence-CSRF-Token": browsers[2][1]}
    assert (await server.request("DELETE", "/v1/session", headers=headers)).status == 204
    assert len(functions.entries(sessions.SIGNED_OUT, "")) == 1


async def test_a_session_ends_with_its_time(server: Server):
    cookie, _ = await _sign_in(server)
    server.service.context.sessions.seconds = 0.0
    ended = await server.post("/v1/session", headers=BEARER)
    match = COOKIE.match(ended.headers["set-cookie"])
    assert match is not None and match[2] == "0"
    late = {"Cookie": f"thence_session={match[1]}"}
    assert (await server.get("/v1/functions", headers=late)).status == 401
    assert (await server.get("/v1/functions", headers=cookie)).status == 200


async def test_a_session_holds_for_as_long_as_configured(make_server: MakeServer):
    server = await make_server(**KEY, limits=Limits(session_hours=0.5))
    answer = await server.post("/v1/session", headers=BEARER)
    assert "Max-Age=1800;" in answer.headers["set-cookie"]


async def test_a_session_makes_no_session_and_wrong_credentials_make_none(server: Server):
    cookie, token = await _sign_in(server)
    again = await server.post("/v1/session", headers={**cookie, "Thence-CSRF-Token": token})
    assert again.status == 401
    for bearer in ("Bearer root:wrong", "Bearer other:a-secret-of-some-length", "Basic x"):
        refused = await server.post("/v1/session", headers={"Authorization": bearer})
        assert refused.status == 401 and "set-cookie" not in refused.headers


async def test_behind_https_the_cookie_is_for_https_alone(make_server: MakeServer):
    server = await make_server(**KEY, public_url="https://faas.example.com")
    answer = await server.post("/v1/session", headers=BEARER)
    assert answer.headers["set-cookie"].endswith("; Secure")


async def test_by_plain_http_the_cookie_is_for_that(server: Server):
    assert "Secure" not in (await server.post("/v1/session", headers=BEARER)).headers["set-cookie"]
    origin = f"https://127.0.0.1:{server.port}"
    answer = await server.post("/v1/session", headers={**BEARER, "Origin": origin})
    assert answer.headers["set-cookie"].endswith("; Secure")


async def test_a_page_of_another_site_gets_nowhere_with_the_cookie(server: Server):
    cookie, token = await _sign_in(server)
    headers = {**cookie, "Thence-CSRF-Token": token, "Origin": "http://elsewhere.invalid"}
    assert (await server.get("/v1/functions", headers=headers)).status == 403
    assert (await server.request("DELETE", "/v1/functions/f", headers=headers)).status == 403


async def test_the_vendors_doors_take_no_cookie(server: Server):
    cookie, token = await _sign_in(server)
    headers = {**cookie, "Thence-CSRF-Token": token}
    for path in ("/2023-03-30/functions", "/v2/project/fgs/functions"):
        assert (await server.get(path, headers=headers)).status in (400, 401, 403)


async def test_events_are_followed_by_cookie(server: Server):
    cookie, _ = await _sign_in(server)
    async with server.session.get(server.url + "/v1/events", headers=cookie) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
    async with server.session.get(server.url + "/v1/events") as stream:
        assert stream.status == 401


async def test_without_credentials_nobody_signs_in(make_server: MakeServer):
    server = await make_server()
    answer = await server.post("/v1/session")
    assert answer.status == 200 and "set-cookie" not in answer.headers
    assert answer.json == {
        "required": False,
        "actor": "unauthenticated",
        "expires_at": None,
        "csrf_token": None,
    }
    assert (await server.get("/v1/session")).json == answer.json
    assert (await server.request("DELETE", "/v1/session")).status == 204


# ---------------------------------------------------------------- pages


@pytest.fixture
async def with_pages(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Server:
    files = tmp_path / "pages"
    (files / "deep").mkdir(parents=True)
    (files / "index.html").write_text("<!doctype html><title>Toy</title>")
    (files / "deep" / "a.js").write_text("export const a = 1;\n")
    (tmp_path / "secret.txt").write_text("not of the pages")
    monkeypatch.setattr(server_module, "PAGES", (folder("/toy", files),))
    return await make_server(**KEY)


async def test_pages_need_no_credentials_and_forbid_the_browser_the_rest(with_pages: Server):
    page = await with_pages.get("/toy/")
    assert page.status == 200 and b"<title>Toy" in page.body
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    script = await with_pages.get("/toy/deep/a.js")
    assert script.status == 200 and "javascript" in script.headers["content-type"]
    unchanged = await with_pages.get("/toy/", headers={"If-None-Match": page.headers["etag"]})
    assert unchanged.status == 304
    head = await with_pages.request("HEAD", "/toy/")
    assert head.status == 200 and head.body == b""


async def test_a_folder_without_its_slash_leads_to_it(with_pages: Server):
    """By its path: behind a proxy only the browser knows whether it came by https."""
    async with with_pages.session.get(with_pages.url + "/toy?a=b", allow_redirects=False) as answer:
        assert answer.status == 307 and answer.headers["location"] == "/toy/?a=b"


@pytest.mark.parametrize(
    "path", ["/toy/none", "/toy/../secret.txt", "/toy/%2e%2e/secret.txt", "/toy/..%2fsecret.txt"]
)
async def test_nothing_beside_the_folder_is_served(with_pages: Server, path: str):
    answer = await with_pages.session.get(URL(with_pages.url + path, encoded=True))
    assert answer.status in (401, 404)
    assert b"not of the pages" not in await answer.read()


async def test_pages_take_nothing_of_the_api_and_refuse_other_sites(with_pages: Server):
    assert (await with_pages.get("/toys")).status in (401, 404)
    assert (await with_pages.get("/v1/functions")).status == 401
    posted: Answer = await with_pages.post("/toy/")
    assert posted.status == 405
    foreign = await with_pages.get("/toy/", headers={"Origin": "http://elsewhere.invalid"})
    assert foreign.status == 403
