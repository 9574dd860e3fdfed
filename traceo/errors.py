"""Every error Traceo raises on purpose.

::

    TraceoError
    ├── ConfigError        a setting is wrong: says which, where it came from, and what to give instead
    ├── SealingError       a batch or a key could not be made, read or used
    │   ├── OpenError      a sealed batch does not open; deliberately says nothing more
    │   └── KeyFileError   a key file is missing, readable by others, or not what it claims to be
    ├── TrustError         a key set is not signed by the pinned key, has expired, or has no usable key
    ├── EncodeError        a telemetry message cannot be parsed (collector side)
    └── StoreError         the collector's data directory cannot be used

None of them reaches an application through ``traceo.init()``'s machinery: a remote fault is counted and shown
in ``traceo.status()``. ``ConfigError`` is the exception: it is raised where the setting is given, before
anything starts.
"""

__all__ = [
    "ConfigError",
    "EncodeError",
    "KeyFileError",
    "OpenError",
    "SealingError",
    "StoreError",
    "TraceoError",
    "TrustError",
]


class TraceoError(Exception):
    """The root: ``except TraceoError`` catches all that Traceo raises on purpose."""


class ConfigError(TraceoError):
    """A setting is wrong. The message names it, its source and the fix, never a secret value."""


class SealingError(TraceoError):
    """A batch or a key could not be made, read or used."""


class OpenError(SealingError):
    """A sealed batch does not open. One type and one message for every cause: an attacker learns nothing."""


class KeyFileError(SealingError):
    """A key file is missing, readable by others, or not what it claims to be."""


class TrustError(TraceoError):
    """A key set is not signed by the pinned key, has expired, or holds no usable key."""


class EncodeError(TraceoError):
    """A telemetry message cannot be parsed; the message says where."""


class StoreError(TraceoError):
    """The collector's data directory cannot be used."""
