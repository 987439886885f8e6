"""Takes secrets out of what a cell showed: outputs and errors with them in, the same without them out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from nbtrack.capture.cells import ErrorText
from nbtrack.capture.outputs import KeptOutput, is_binary
from nbtrack.capture.streams import CUT_MARK

# What touches a cut may be half a secret, which no rule knows any more.
_BEFORE_CUT = re.compile(rf"[^\s]{{6,200}}(?=\n{CUT_MARK}\n)")
_AFTER_CUT = re.compile(rf"(?<=\n)({CUT_MARK}\n)([^\s]{{6,200}})")


def clean_output(output: KeptOutput, redact: Callable[[str], str]) -> KeptOutput:
    """Return an output without secrets; images and other binary bodies as they are."""
    if output.body is None or is_binary(output.mime):
        return output
    try:
        text, encoding = output.body.decode("utf-8", "surrogatepass"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = output.body.decode("latin-1"), "latin-1"
    cleaned = redact(text)
    if output.truncated:
        cleaned = _AFTER_CUT.sub(lambda found: found[1] + _whole(found[2]), _BEFORE_CUT.sub(lambda found: _whole(found[0]), cleaned))
    if cleaned == text:
        return output
    body = cleaned.encode(encoding, "surrogatepass" if encoding == "utf-8" else "replace")
    return replace(output, body=body, size=output.size if output.truncated else len(body))


def clean_error(error: ErrorText, redact: Callable[[str], str]) -> ErrorText:
    """Return an error without secrets in its type, message and traceback."""
    return ErrorText(redact(error.type), redact(error.message), redact(error.traceback))


def _whole(word: str) -> str:
    """Drop half a word that could be half a key; plain words and numbers stay."""
    return "" if any(map(str.isalpha, word)) and any(map(str.isdigit, word)) else word
