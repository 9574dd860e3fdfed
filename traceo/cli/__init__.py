"""The command line: one module (or package) a command, loaded when the command is named."""

from traceo.cli.frame import main

__all__ = ["main"]
