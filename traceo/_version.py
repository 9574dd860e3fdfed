"""The version, in one place; the build and the telemetry both read it here."""

__version__ = "0.1.0"
