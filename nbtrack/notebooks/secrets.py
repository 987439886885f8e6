"""Secrets on their way back: a stored text with placeholders and the present notebook in; the text with what stands there now, out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack.config import StoreLocation
from nbtrack.redaction import Redactor, find_tags
from nbtrack.store.secret import tag_key


class SecretFinder:
    """Looks for the secrets that placeholders stand for in one notebook, when the first placeholder is met."""

    def __init__(self, location: StoreLocation, document: Mapping[str, Any] | None) -> None:
        self._location = location
        self._document = document
        self._found: dict[str, str] | None = None
        self.put_back = 0

    def fill(self, text: str) -> str:
        """Put the secrets into a text that stand in the notebook; other placeholders stay."""
        for place in reversed(find_tags(text)):
            secret = self._secrets().get(place.tag)
            if secret is not None:
                text = text[: place.start] + secret + text[place.end :]
                self.put_back += 1
        return text

    def fill_all(self, value: Any) -> Any:
        """Put the secrets into every text of a JSON value; what has none is returned itself."""
        if isinstance(value, str):
            return self.fill(value)
        if isinstance(value, list):
            if all(isinstance(line, str) for line in value):
                whole = "".join(value)
                filled = self.fill(whole)
                return value if filled is whole else filled.splitlines(True)
            return [self.fill_all(one) for one in value]
        return {key: self.fill_all(one) for key, one in value.items()} if isinstance(value, dict) else value

    def _secrets(self) -> dict[str, str]:
        if self._found is None:
            self._found = {}
            redactor = Redactor(lambda: tag_key(self._location))
            for text in _texts(self._document):
                for span in redactor.spans(text):
                    self._found.setdefault(redactor.tag(span.secret), text[span.start : span.end])
        return self._found


def has_placeholder(value: Any) -> bool:
    """Tell whether a placeholder stands anywhere in a JSON value."""
    return any(find_tags(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(line, str) for line in value):
            yield "".join(value)
        else:
            for one in value:
                yield from _texts(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
