"""SIGTERM at awkward moments, beside other people's handlers, and what the application sees of ours."""

import signal
import subprocess
import sys

import pytest

SPANS = """
import os, signal, sys, threading, time, traceo

def spans():
    for number in range(100):
        with traceo.span("work", number=number):
            pass

def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""

START = SPANS + "traceo.init()\n"

MOMENTS = {
    "holding the lock of the threading module": """
spans()
with threading._active_limbo_lock:
    terminate()
""",
    "holding the lock of logging, and its handlers'": """
import logging
spans()
with logging._lock, logging.getLogger("traceo").handlers[0].lock:
    terminate()
""",
    "importing what the pipeline thread needs": """
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "http.client" and threading.current_thread() is threading.main_thread():
            spans()
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Finder())
import http.client
time.sleep(60)
""",
    "in a span": """
with traceo.span("open"):
    spans()
    terminate()
""",
    "in another thread": """
spans()
threading.Thread(target=terminate, daemon=True).start()
threading.Event().wait()
""",
    "in the pipeline thread": """
spans()
pipeline = traceo.init()._pipeline
while not pipeline._thread_id:
    time.sleep(0.001)
signal.pthread_kill(pipeline._thread_id, signal.SIGTERM)
while True:
    time.sleep(0.01)
""",
    "in another thread, while the main thread sleeps": """
spans()
thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
thread.start()
threading.Timer(0.1, lambda: signal.pthread_kill(thread.ident, signal.SIGTERM)).start()
time.sleep(60)
""",
    "in C code that does not return": """
import hashlib
spans()
threading.Timer(0.1, lambda: os.kill(os.getpid(), 15)).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
""",
    "after all descriptors were closed": """
spans()
os.closerange(3, 1000)
with open(os.devnull) as file:
    time.sleep(0.05)
    terminate()
""",
    "in the middle of a flush": """
threading.Timer(0.3, lambda: os.kill(os.getpid(), 15)).start()
while True:
    spans() if not traceo.status().spans.created else None
    traceo.flush()
""",
    "in the middle of shutdown": """
spans()
import atexit
threading.Timer(0.3, lambda: os.kill(os.getpid(), 15)).start()
traceo.shutdown()
time.sleep(60)
""",
    "in a generator, in a destructor": """
class Late:
    def __del__(self):
        spans()
        terminate()

def steps():
    keep = Late()
    yield 1

next(steps())
""",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_sigterm_delivers_and_keeps_its_exit_status(moment, run, recorder):
    app = run(START + MOMENTS[moment])
    assert app.process.returncode == -signal.SIGTERM, app.err
    assert recorder.names() == {"work": 100}


def test_sigterm_in_the_middle_of_an_export_waits_for_it(start, recorder):
    app = start(START + "spans(); print('ready'); time.sleep(60)", TRACEO_FLUSH_EVERY_S="0.01")
    recorder.gate.clear()
    app.until(recorder.reached.is_set)
    app.process.send_signal(signal.SIGTERM)
    recorder.gate.set()
    assert app.process.wait(60) == -signal.SIGTERM
    assert recorder.names() == {"work": 100}


@pytest.mark.parametrize("count", [10, 400, 3000])
def test_whatever_had_ended_when_the_signal_came_arrives(count, start, recorder):
    app = start(
        START
        + f"""
number = 0
while True:
    with traceo.span("work", number=number):
        number += 1
    if number == {count}:
        print("ready")
"""
    )
    app.until_says("ready")
    assert app.kill() == -signal.SIGTERM
    numbers = sorted(span.attributes[0].value.int_value for _, span in recorder.spans())
    assert len(numbers) >= count
    assert numbers == list(range(len(numbers)))


EVENT_LOOPS = {
    "asyncio with no handler": """
import asyncio
asyncio.run(asyncio.sleep(60))
""",
    "uvloop with no handler": """
import asyncio, uvloop
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(asyncio.sleep(60))
""",
    "asyncio, a handler set and removed": """
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, print, "never")
    loop.remove_signal_handler(signal.SIGTERM)
    await asyncio.sleep(60)

asyncio.run(main())
""",
    "select": "import select; select.select([], [], [], 60)",
    "a child process waited for": "import subprocess; subprocess.run(['sleep', '60'])",
}


@pytest.mark.parametrize("loop", EVENT_LOOPS)
def test_sigterm_ends_a_process_that_waits(loop, start, recorder):
    app = start(START + "spans(); print('ready')\n" + EVENT_LOOPS[loop])
    app.until_says("ready")
    app.until_waits()
    assert app.kill() == -signal.SIGTERM, app.err
    assert recorder.names() == {"work": 100}


def test_asyncios_own_handler_works(start, recorder):
    app = start(
        START
        + """
import asyncio

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    spans()
    print("ready")
    await stop.wait()
    with traceo.span("last"):
        pass

asyncio.run(main())
sys.exit(7)
"""
    )
    app.until_says("ready")
    assert app.kill() == 7, app.err
    assert recorder.names() == {"last": 1, "work": 100}


def test_the_application_sees_and_sets_handlers_as_if_ours_were_not_there(run, recorder):
    app = run(
        """
        import inspect, signal, traceo
        originals = signal.signal, signal.getsignal
        plain = inspect.signature(signal.signal), signal.signal.__doc__
        client = traceo.init()
        assert plain == (inspect.signature(signal.signal), signal.signal.__doc__)
        def handler(number, frame):
            print("handled", number)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            assert signal.getsignal(number) is signal.SIG_DFL
            assert signal.signal(number, handler) is signal.SIG_DFL
            assert signal.getsignal(number) is handler
            signal.raise_signal(number)
            assert signal.signal(number, signal.SIG_IGN) is handler
            signal.raise_signal(number)
            assert signal.signal(number, signal.SIG_DFL) is signal.SIG_IGN
            assert signal.signal(number, 0) is signal.SIG_DFL
            assert signal.getsignal(number) is signal.SIG_DFL
        client.shutdown()
        assert originals == (signal.signal, signal.getsignal)
        import _signal
        assert _signal.getsignal(signal.SIGTERM) == 0
        """
    )
    assert (app.process.returncode, app.err) == (0, "")
    assert app.out == "handled 15\nhandled 1\nhandled 10\n"


UNTOUCHED = {
    "ignored": "signal.signal(15, signal.SIG_IGN)",
    "the application's": "signal.signal(15, print)",
    "handled in C": "import faulthandler; faulthandler.register(15)",
}


@pytest.mark.parametrize("before", UNTOUCHED)
def test_a_signal_that_somebody_has_taken_before_init_is_left_alone(before, run):
    app = run(
        f"""
        import _signal, signal, traceo
        {UNTOUCHED[before]}
        there = _signal.getsignal(15)
        traceo.init()
        assert _signal.getsignal(15) == there
        signal.raise_signal(15)
        print("goes on")
        """
    )
    assert app.process.returncode == 0, app.err
    assert "goes on" in app.out


def test_the_first_process_of_a_container_delivers_and_goes_on(run, recorder):
    """The kernel spares it the default action."""
    namespace = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c"]
    if subprocess.run([*namespace, "pass"], capture_output=True, check=False).returncode:
        pytest.skip("no new process namespace can be made here")
    code = START + "spans(); os.kill(1, 15); print('goes on'); spans(); assert traceo.flush(30)"
    app = run([*namespace, code])
    assert (app.process.returncode, app.out) == (0, "goes on\n"), app.err
    assert recorder.names() == {"work": 200}


@pytest.mark.parametrize("then", ["", "signal.signal(15, signal.SIG_DFL)"])
def test_init_in_another_thread_is_as_good(then, run, recorder):
    app = run(
        SPANS
        + f"""
thread = threading.Thread(target=traceo.init)
thread.start()
thread.join()
assert traceo.status().notes == ()
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
{then}
spans()
terminate()
"""
    )
    assert app.process.returncode == -signal.SIGTERM, app.err
    assert recorder.names() == {"work": 100}


def test_a_signal_to_a_child_is_no_signal_to_its_parent(run, recorder):
    app = run(
        START
        + """
spans()
for _ in range(20):
    child = os.fork()
    if child == 0:
        time.sleep(60)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
time.sleep(0.3)
print("goes on")
"""
    )
    assert (app.process.returncode, app.out) == (0, "goes on\n"), app.err
    assert recorder.names() == {"work": 100}


def test_ctrl_c_while_the_end_waits_ends_the_wait(start, recorder):
    recorder.gate.clear()
    app = start(
        START
        + """
import atexit
spans()
atexit.register(print, "ending")
"""
    )
    app.until_says("ending")
    app.until(recorder.reached.is_set)
    assert app.kill(signal.SIGINT) == 0
    assert "Traceback" not in app.err
    assert "100 spans dropped at exit" in app.err
