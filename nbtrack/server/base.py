"""What every route stands on: a request in; who may, how large, which JSON; one answer or one error shape out.

``prepare`` asks for login and authorization, so a route cannot forget to. Errors are ``{"error": {"code", "message", "hint"}}``: 4xx for
what the caller or the store's state is the cause of, 500 for mistakes of ours, whose traceback stands in the server's log only.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from http.client import responses
from typing import TYPE_CHECKING, Any, NoReturn

from jupyter_core.utils import ensure_async
from jupyter_server.auth.utils import HTTP_METHOD_TO_AUTH_ACTION
from jupyter_server.base import handlers
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.web import HTTPError, stream_request_body

from nbtrack import errors
from nbtrack.errors import NbtrackError, UsageError

if TYPE_CHECKING:
    from nbtrack.server.app import NbtrackServer

BODY_BYTES = 1_000_000
_STATUS: tuple[tuple[type[NbtrackError], int], ...] = (
    (errors.NotFound, 404),
    (errors.StoreMissing, 404),
    (errors.BadNotebook, 422),
    (errors.StoreError, 409),
    (errors.SettingError, 409),
    (NbtrackError, 400),
)


@stream_request_body
class APIHandler(ExtensionHandlerMixin, handlers.APIHandler):
    """The base of all routes of nbtrack."""

    auth_resource = "nbtrack"

    async def prepare(self) -> None:  # type: ignore[override]
        """Let nobody in who is not logged in and authorized, whatever the method."""
        self._body = bytearray()
        self._body_bytes = 0
        await super().prepare()  # host, user, XSRF, origin
        user = self.current_user
        if not user:
            raise HTTPError(403, "Log in, or send the server's token.")
        action = HTTP_METHOD_TO_AUTH_ACTION.get(str(self.request.method).upper(), "execute")
        if not await ensure_async(self.authorizer.is_authorized(self, user, action, self.auth_resource)):
            raise HTTPError(403, f"This user may not {action} {self.auth_resource}.")

    def data_received(self, chunk: bytes) -> None:
        """Keep the body as far as it may go, and let the rest pass: a connection closed at once would not carry the answer to it."""
        self._body_bytes += len(chunk)
        if self._body_bytes <= BODY_BYTES:
            self._body += chunk
        else:
            self._body.clear()

    def json_body(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object in UTF-8; no body is an empty one."""
        if self._body_bytes > BODY_BYTES:
            raise HTTPError(413, f"The body is larger than {BODY_BYTES // 1000} kB.")
        if not self._body:
            return {}
        try:
            found = json.loads(self._body.decode("utf-8"), parse_constant=_refuse_constant)
        except UnicodeDecodeError:
            raise HTTPError(400, "The body is not UTF-8.") from None
        except (ValueError, RecursionError) as error:
            raise HTTPError(400, "The body is not JSON: %s", str(error) or "too deep") from None
        if not isinstance(found, dict):
            raise HTTPError(400, "The body is not a JSON object.")
        return found

    def number(self, name: str, default: int, *, most: int) -> int:
        """Return a whole number of the query, 1 to ``most``."""
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
            raise UsageError(f"{name}={text[:40]!r} is no whole number from 1 to {most}")
        return int(text)

    async def answer(self, function: Callable[[], Any]) -> None:
        """Run a function in a thread, where its answer becomes JSON too, and send it."""
        body = await asyncio.get_running_loop().run_in_executor(self.nbtrack.executor, lambda: to_json(function()))
        await self.finish(body)

    @property
    def nbtrack(self) -> NbtrackServer:
        """The extension."""
        return self.settings["nbtrack"]

    def options(self, *args: Any, **kwargs: Any) -> None:
        """Answer as Jupyter's own routes do, but only to those who may come in."""
        super().options(*args, **kwargs)
        self.set_status(204)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the one error shape."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if isinstance(error, NbtrackError):
            code, message, hint = _code_of(error), error.message, error.hint
        elif isinstance(error, HTTPError):
            reason = error.reason or responses.get(status_code, "Unknown")
            code, message, hint = _word(responses.get(status_code, "error")), _message_of(error) or reason, ""
        else:
            code, message = "internal", f"nbtrack failed inside: {type(error).__name__}"
            hint = "The server's log has the traceback."
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": {"code": code, "message": message, "hint": hint}}))

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give errors of our own their status."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        super().send_error(status_of(error) if isinstance(error, NbtrackError) else status_code, **kwargs)

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Leave mistakes of the caller out of the log."""
        if isinstance(error, NbtrackError):
            self.log.debug("%s: %s", self.request.path, error.message)
        else:
            super().log_exception(kind, error, traceback)


class UnknownRoute(APIHandler):
    """Everything under ``/nbtrack`` that no route answers."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Say so, to those who may come in."""
        await super().prepare()
        raise HTTPError(404, "There is no such route.")


def status_of(error: NbtrackError) -> int:
    """Return the HTTP status of an error that nbtrack raised on purpose."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def to_json(value: Any) -> bytes:
    """Write an answer; numbers that JSON does not know become the texts ``NaN``, ``Infinity``, ``-Infinity``."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError:
        return json.dumps(_without_nan(value), separators=(",", ":"), allow_nan=False).encode("ascii")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _message_of(error: HTTPError) -> str:
    message = error.log_message or ""
    return message % error.args if error.args and message else message


def _code_of(error: NbtrackError) -> str:
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() and at else letter.lower() for at, letter in enumerate(name))


def _word(text: str) -> str:
    return text.lower().replace(" ", "_").replace("-", "_").replace("'", "")
