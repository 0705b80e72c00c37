"""The command line: parse, call the workflow, print."""

from headwater.cli.app import app, main

__all__ = ["app", "main"]
