"""Several views as one."""

from __future__ import annotations

from nbtrack.views.message import Message
from nbtrack.views.stack import Stack


def test_a_stack_shows_its_parts_in_order_with_a_blank_line_between() -> None:
    stack = Stack((Message("first"), Message("second", "more")))
    assert stack.to_text() == "first\n\nsecond\nmore"
    assert stack.to_html().index("first") < stack.to_html().index("second")


def test_a_stack_fails_the_shell_only_when_told_to() -> None:
    assert not Stack((Message("all is well"),)).failed
    assert Stack((Message("one failed"),), ended_badly=True).failed
