"""Two routes for the tests of the base handler: one answers the JSON body it got, one fails as a mistake of ours would."""

from __future__ import annotations

from typing import Any

from nbtrack.server.base import APIHandler


class Echo(APIHandler):
    """Answers its body."""

    async def post(self) -> None:
        body = self.json_body()
        await self.answer(lambda: {"body": body, "nan": float("nan")})


class Crash(APIHandler):
    """Fails."""

    async def get(self) -> None:
        await self.answer(lambda: {}["a secret in a message"])


def _load_jupyter_server_extension(serverapp: Any) -> None:
    base = serverapp.web_app.settings["base_url"]
    routes = [(f"{base}echo", Echo, {"name": "nbtrack"}), (f"{base}crash", Crash, {"name": "nbtrack"})]
    serverapp.web_app.add_handlers(".*$", routes)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "echo_extension"}]
