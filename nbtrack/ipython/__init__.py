"""The door of the notebook: loads into IPython, hooks its cells, takes `%track` and `%%track`. The only room that knows IPython."""
