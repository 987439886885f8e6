"""What every text and value passes on its way to the journal: as it was in, without secrets out; unchanged where the settings say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbtrack import config
from nbtrack.config import Settings, StoreLocation
from nbtrack.store.secret import tag_key

if TYPE_CHECKING:
    from nbtrack.redaction import Redactor


class Secrets:
    """The redactor of one session, made at its first text (its rules take 10 ms to load) and asked only while ``capture.redact`` is on."""

    def __init__(self, location: StoreLocation, settings: Callable[[], Settings]) -> None:
        self._location = location
        self._settings = settings
        self._made: Redactor | None = None

    @property
    def active(self) -> bool:
        """Whether anything is taken out at all."""
        return self._settings().capture_redact

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return self._redactor.text(text) if self.active else text

    def value(self, name: str, value: Any) -> Any:
        """Return a JSON value of this name without secrets."""
        return self._redactor.value(name, value) if self.active else value

    def texts(self, texts: tuple[str, str]) -> tuple[str, str]:
        """Return type and message of an error without secrets."""
        return self.text(texts[0]), self.text(texts[1])

    def tombstone(self, text: str) -> str:
        """Return what stands in the place of a value that a person takes out, and keep the value itself from being stored again."""
        from nbtrack.redaction import is_placeholder
        from nbtrack.redaction.placeholders import write_placeholder

        if is_placeholder(text):
            return text
        self._redactor.learn({"secret": text})
        return write_placeholder("value", self._redactor.tag(text))

    def learn_environment(self) -> None:
        """Take note of the secrets that environment variables hold now: a cell may print them without their names."""
        if self.active:
            from nbtrack.redaction import is_secret_name

            self._redactor.learn(config.environment_variables(is_secret_name))

    @property
    def _redactor(self) -> Redactor:
        if self._made is None:
            from nbtrack.redaction import Redactor

            self._made = Redactor(lambda: tag_key(self._location, shared=self._settings().store_shared))
        return self._made
