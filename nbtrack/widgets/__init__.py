"""Views that answer: a comparison in, an interactive widget out. The only room that knows ipywidgets and anywidget; loaded when used.

A widget carries no rule of its own: what is drawn comes from ``diffing`` and ``views``, what is read from ``store`` and ``notebooks``.
"""
