"""Who may ask, what is refused and in which shape: every route and method, of a real server."""

from __future__ import annotations

import http.client
import json
import random
import re
from typing import Any

import pytest

from nbtrack.server.app import ROUTES
from nbtrack.server.base import BODY_BYTES

from .conftest import TOKEN, Answer, Server

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = [pattern.replace("([0-9a-f]{32})", "0" * 32).replace("(?:/.*)?", "/unknown") for pattern, _ in ROUTES]


def test_every_route_is_walked() -> None:
    assert not [path for path in PATHS if "(" in path], "say above what stands for the groups of a new route"


def _error(answer: Answer) -> dict[str, str]:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert re.fullmatch(r"[a-z_]+", error["code"])
    assert error["message"]
    assert "Traceback" not in answer.body.decode()
    return error


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_in_without_a_token(server: Server, path: str, method: str) -> None:
    for headers in ({}, {"Authorization": "token wrong"}, {"Authorization": f"token {TOKEN}x"}):
        answer = server.ask(method, path, headers=headers, query={"path": "a.ipynb"})
        assert answer.status in {401, 403}
        if method != "HEAD":
            _error(answer)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_an_authorizer_that_denies_is_obeyed(server: Server, path: str, method: str) -> None:
    denied = server.ask(method, path, headers=server.headers | {"X-Test-Deny": "read write execute"}, query={"path": "a.ipynb"})
    assert denied.status == 403
    if method != "HEAD":
        assert "may not" in _error(denied)["message"]


def test_reading_is_another_right_than_writing(server: Server) -> None:
    assert server.ask("GET", "/nbtrack/api/version", headers=server.headers | {"X-Test-Deny": "write"}).status == 200
    assert server.ask("POST", "/echo", body={}, headers=server.headers | {"X-Test-Deny": "write"}).status == 403


def test_a_page_of_another_origin_gets_nothing_with_the_cookie_of_a_login(server: Server) -> None:
    cookie = _log_in(server)
    assert server.ask("GET", "/nbtrack/api/version", headers={"Cookie": cookie}).status == 200
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{server.port}.evil.example", "http://127.0.0.1:1"):
        for method in METHODS:
            answer = server.ask(method, "/nbtrack/api/version", headers={"Cookie": cookie, "Origin": origin})
            if method == "OPTIONS":  # how a browser asks whether it may: the answer names no origin
                assert not answer.headers.get("access-control-allow-origin")
            else:
                assert answer.status in {403, 404}, (method, origin)
            assert b"labextension" not in answer.body


def test_a_form_of_another_page_cannot_write(server: Server) -> None:
    cookie = _log_in(server)
    assert server.ask("POST", "/echo", body={}, headers={"Cookie": cookie}).status == 403  # no XSRF token


def _log_in(server: Server) -> str:
    answer = server.ask("GET", "/api/contents", headers={}, query={"token": TOKEN})
    assert answer.status == 200
    return answer.headers["set-cookie"].split(";")[0]


def test_a_host_that_is_not_this_machine_is_refused(server: Server) -> None:
    assert server.ask("GET", "/nbtrack/api/version", headers=server.headers | {"Host": "evil.example"}).status == 403


def test_the_versions_of_both_halves_are_told(server: Server) -> None:
    answer = server.ask("GET", "/nbtrack/api/version")
    assert set(answer.json()) == {"server", "labextension"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_is_not_there_is_404_and_what_is_not_possible_405(server: Server) -> None:
    assert _error(server.ask("GET", "/nbtrack/api/nothing"))["code"] == "not_found"
    assert _error(server.ask("GET", "/nbtrack"))["code"] == "not_found"
    assert server.ask("DELETE", "/nbtrack/api/version").status == 405
    unknown = server.ask("GET", f"/nbtrack/api/checkpoints/{'f' * 32}")
    assert (unknown.status, _error(unknown)["code"]) == (404, "unknown_checkpoint")


def test_a_mistake_of_ours_is_500_without_its_traceback_or_its_message(server: Server) -> None:
    answer = server.ask("GET", "/crash")
    assert answer.status == 500
    assert _error(answer)["message"] == "nbtrack failed inside: KeyError"
    assert b"a secret in a message" not in answer.body
    assert "a secret in a message" in server.log.read_text()


def test_a_body_comes_back_and_odd_numbers_are_texts(server: Server) -> None:
    body = {"é": [1, 0.1, -0.0, 2**53 + 1], "deep": {"a": None}}
    assert server.ask("POST", "/echo", body=body).json() == {"body": body, "nan": "NaN"}
    assert server.ask("POST", "/echo").json()["body"] == {}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[1]", b'"text"', b"null", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": "\xff"}', b"\x00", b"\xed\xa0\x80",
     b"[" * 100_000, b'{"a":' * 50_000, b"a=1&b=2", b'{"a": 1,}', b"\xef\xbb\xbf{}", b"9" * 10_000],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_400(server: Server, body: bytes) -> None:
    answer = server.ask("POST", "/echo", body=body)
    assert answer.status == 400
    _error(answer)


def test_a_body_that_is_too_large_is_413(server: Server) -> None:
    assert server.ask("POST", "/echo", body={"a": "x" * (BODY_BYTES - 100)}).status == 200
    answer = server.ask("POST", "/echo", body={"a": "x" * BODY_BYTES})
    assert (answer.status, _error(answer)["code"]) == (413, "request_entity_too_large")


def test_a_body_that_nobody_may_send_is_not_even_read(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.putrequest("POST", "/echo")
        connection.putheader("Content-Length", str(400_000_000))
        connection.endheaders()
        assert connection.getresponse().status == 403
    finally:
        connection.close()


def test_a_body_that_does_not_say_how_long_it_is_is_413_too(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", "/echo", iter([b"x" * 100_000] * 20), server.headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def _traversals() -> list[str]:
    """Two hundred ways to say: outside."""
    climbs = ["..", "%2e%2e", "..%00", "....", ".. ", "..;", "%c0%ae%c0%ae", "%252e%252e", "．．", "..\\"]
    targets = ["etc/passwd", "secret.ipynb", "root/../secret.ipynb", ".ssh/id_rsa", "server.log"]
    slashes = ["/", "\\", "%2f", "//"]
    found = [slash.join([climb] * depth + [target]) for climb in climbs for slash in slashes for target in targets for depth in (1, 6)]
    return [
        *random.Random(5).sample(found, 192), "/etc/passwd", "//etc/passwd", "C:\\secret.ipynb", "file:///etc/passwd", "~/secret.ipynb",
        "a/../../secret.ipynb", "\0", "./../secret.ipynb",
    ]  # fmt: skip


def test_no_path_leads_out_of_the_folder_of_the_server(server: Server) -> None:
    outside = server.root.parent / "secret.ipynb"
    outside.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    ways = _traversals()
    assert len(ways) == 200
    for way in ways:
        for answer in (
            server.ask("GET", "/nbtrack/api/checkpoints", query={"path": way}),
            server.ask("GET", f"/nbtrack/api/checkpoints/{'a' * 32}", query={"path": way}),
        ):
            assert answer.status in {200, 400, 404}, way
            assert answer.status != 200 or answer.json() == {"checkpoints": [], "next": None}, way
        raw = server.ask("GET", "/nbtrack/api/checkpoints/" + re.sub(r"[^!-~]", "_", way).replace("#", "_"))
        assert raw.status in {400, 404}, way


def _malformed(count: int) -> list[tuple[str, str, dict[str, Any] | bytes]]:
    """Requests that nobody means."""
    dice = random.Random(7)
    odd = ["", "0", "-1", "1e3", "NaN", "9" * 20, "١", "٣", "1.0", " 1", "%", "%zz", "\0", "\ud7ff", "a" * 5000, "[]", "true", "'"]
    tails = ["%ff", "%00", "/%ff", "/..", "?path=%ff", "?path=%ff%fe&limit=%00", "?path", "?limit=%F0%28%8C%28", "?a=b=c&&&;", "//"]
    made: list[tuple[str, str, dict[str, Any] | bytes]] = []
    while len(made) < count:
        method = dice.choice(METHODS)
        path = dice.choice([*PATHS, "/echo"])
        if dice.random() < 0.3:
            path += dice.choice(tails)
            made.append((method, path, bytes(dice.randrange(256) for _ in range(dice.randrange(40)))))
        else:
            query = {name: dice.choice(odd) for name in ("path", "limit", "before") if dice.random() < 0.7}
            made.append((method, path, query))
    return made


def test_malformed_requests_are_never_our_mistake(server: Server, long_run: bool) -> None:
    for method, path, rest in _malformed(1000 if long_run else 300):
        body, query = (rest, None) if isinstance(rest, bytes) else (None, rest)
        answer = server.ask(method, path, body=body, query=query)
        assert answer.status < 500, (method, path, rest)
        if answer.status >= 400 and method != "HEAD" and path.startswith("/nbtrack/"):
            assert set(json.loads(answer.body)) == {"error"}, (method, path, rest)
    assert server.ask("GET", "/nbtrack/api/version").status == 200
