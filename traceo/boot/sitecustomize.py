"""Starts Traceo in a Python process under ``traceo run``, before the program's first line.

``traceo run`` puts this folder in front of PYTHONPATH; Python imports a module of this name when it starts,
and so do the processes that the program starts: workers, reloaders, spawned children. A ``sitecustomize`` of
the application's own runs first, as it would have without this one.
"""

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  every process pays for what is imported here


def _go_on() -> None:
    """Run the application's own module of this name, and leave it in place of this one."""
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != _FOLDER]  # noqa: PTH100  see above
    ours = sys.modules.pop(__name__, None)
    try:
        __import__(__name__)
    except ModuleNotFoundError as error:
        if error.name != __name__:
            raise
        if ours is not None:
            sys.modules[__name__] = ours


def _is_ours() -> bool:
    """Whether this process is Traceo's own command, or one that multiprocessing keeps for itself."""
    words = getattr(sys, "orig_argv", ())[1:]  # a program of another environment may run an older Python
    if words[:2] == ["-m", "traceo"] or (words and os.path.basename(words[0]) == "traceo"):  # noqa: PTH119
        return True
    return any("multiprocessing.resource_tracker" in word for word in words[:6])


def _start() -> None:
    try:
        import traceo  # noqa: PLC0415

        traceo.init()
    except ImportError:
        return  # another Python, without Traceo: none of its business
    except Exception as error:  # the program runs, whatever is wrong with us
        if sys.stderr is not None:
            sys.stderr.write(f"traceo run: not started: {error}\n")


try:
    _go_on()
finally:
    if not _is_ours():
        _start()
