"""Secrets out of text: text in, the same text with ``<redacted KIND TAG>`` in place of every secret out. Pure.

TAG is a keyed hash of the secret, so that equal secrets stay equal in diffs and hashes; KIND says what it was.
"""

from nbtrack.redaction.names import is_secret_name
from nbtrack.redaction.placeholders import Placeholder, find_tags, is_placeholder
from nbtrack.redaction.redactor import Redactor
from nbtrack.redaction.spans import Span

__all__ = ["Placeholder", "Redactor", "Span", "find_tags", "is_placeholder", "is_secret_name"]
