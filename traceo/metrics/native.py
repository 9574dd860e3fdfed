"""Locks and threads of the operating system, whatever gevent or eventlet have put in their place.

Application greenlets and the pipeline's thread share the locks of metrics: one of gevent's would need a hub
in the pipeline's thread. Nothing that lets another greenlet run is done while one is held.
"""

import _thread
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from typing import Any

__all__ = ["lock", "reentrant_lock", "start_new_thread"]


def _unpatched() -> Any:
    """The module as it was made: it is built in, and can be made again."""
    try:
        spec = BuiltinImporter.find_spec("_thread")
        assert spec is not None
        assert spec.loader is not None
        fresh = module_from_spec(spec)
        spec.loader.exec_module(fresh)
    except Exception:  # an interpreter that has it elsewhere: what there is will do
        return _thread
    return fresh


_own = _unpatched()
lock = _own.allocate_lock
reentrant_lock = _own.RLock
start_new_thread = _own.start_new_thread
