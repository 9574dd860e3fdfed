"""Threads, locks and pauses of the operating system, whatever gevent or eventlet have put in their place.

A greenlet for a pipeline thread would do its work on the application's event loop, and a signal handler that
runs in the hub could not wait for it. Greenlets and that thread share the locks of metrics: one of gevent's
would need a hub in the thread. Nothing that lets another greenlet run is done while one is held.

Both libraries replace attributes of the modules `_thread` and `time`; the modules themselves are built in and
can be made again.
"""

import _thread
import sys
import time
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from types import BuiltinFunctionType, ModuleType
from typing import Any

__all__ = [
    "allocate_lock",
    "get_ident",
    "is_patched",
    "pause",
    "reentrant_lock",
    "start_new_thread",
    "taken_lock",
    "wait",
]

_POLL_S = 0.005


def _unpatched(module: ModuleType) -> Any:
    try:
        spec = BuiltinImporter.find_spec(module.__name__)
        assert spec is not None
        assert spec.loader is not None
        fresh = module_from_spec(spec)
        spec.loader.exec_module(fresh)
    except Exception:  # an interpreter that has them elsewhere: what there is will do
        return module
    return fresh


_own = _unpatched(_thread)
allocate_lock = _own.allocate_lock
reentrant_lock = _own.RLock
get_ident = _own.get_ident
start_new_thread = _own.start_new_thread
pause = _unpatched(time).sleep


def taken_lock() -> _thread.LockType:
    """A lock that somebody else will release: an event that a signal handler may set or wait for.

    `threading.Event` takes a lock of its own, which the handler could find taken by the code it interrupts.
    """
    lock: _thread.LockType = allocate_lock()
    lock.acquire()
    return lock


def wait(lock: _thread.LockType, timeout_s: float) -> bool:
    """Wait for a `taken_lock` to be released, and leave it so. Other greenlets go on meanwhile."""
    if not _is_green():
        released = lock.acquire(timeout=max(0.0, timeout_s))
    else:
        deadline = time.monotonic() + timeout_s
        while not (released := lock.acquire(blocking=False)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)  # theirs: it lets the other greenlets run
    if released:
        lock.release()
    return released


def is_patched() -> bool:
    """Whether locks and thread ids are gevent's or eventlet's."""
    return not isinstance(_thread.allocate_lock, BuiltinFunctionType)


def _is_green() -> bool:
    """Whether `time.sleep` is gevent's or eventlet's."""
    loaded = "gevent" in sys.modules or "eventlet" in sys.modules
    return loaded and not isinstance(time.sleep, BuiltinFunctionType)
