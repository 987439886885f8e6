"""The one version of nbtrack; the front end's package.json must equal it."""

__version__ = "0.1.0"
