"""All rules under one name, for the redactor to load with the first text that needs one: compiling them takes 15 ms."""

from nbtrack.redaction.assignments import find_assigned, is_secret_value
from nbtrack.redaction.structures import find_address_passwords, find_connections, find_headers, find_private_keys, pem_lines
from nbtrack.redaction.tokens import find_tokens
from nbtrack.redaction.values import is_place, looks_random

__all__ = [
    "find_address_passwords",
    "find_assigned",
    "find_connections",
    "find_headers",
    "find_private_keys",
    "find_tokens",
    "is_place",
    "is_secret_value",
    "looks_random",
    "pem_lines",
]
