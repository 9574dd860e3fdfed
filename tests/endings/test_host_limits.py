"""What the host may refuse, and the last moments of the interpreter: the application goes on, and ends."""

import pytest

START = """
import os, sys, threading, time, traceo
traceo.init()

def spans(count=100):
    for number in range(count):
        with traceo.span("work", number=number):
            pass
"""


def test_an_end_in_the_middle_of_an_export_waits_for_it(start, recorder):
    recorder.gate.clear()
    app = start(START + "spans(); time.sleep(0.05); print('ends')", TRACEO_FLUSH_EVERY_S="0.01")
    app.until(recorder.reached.is_set)
    recorder.gate.set()
    assert app.process.wait(60) == 0
    assert recorder.names() == {"work": 100}
    assert app.err == ""


def test_spans_of_the_last_moments(run, recorder):
    app = run(
        START
        + """
import atexit

def late():
    thread = threading.Thread(target=spans, args=(10,))
    thread.start()
    thread.join()

atexit.register(spans, 10)
if sys.version_info < (3, 12):  # later ones start no thread then
    atexit.register(late)
else:
    atexit.register(spans, 10)
threading.Thread(target=lambda: (time.sleep(0.05), spans(10))).start()

def forever():
    while True:
        traceo.status()
        time.sleep(0.001)

threading.Thread(target=forever, daemon=True).start()

class Last:
    def __del__(self):
        spans(1)  # after the end: counted, not sent

sys.last = Last()
"""
    )
    assert (app.process.returncode, app.err) == (0, "")
    assert recorder.names() == {"work": 30}


def test_no_file_descriptor_is_left(run, recorder):
    app = run(
        START
        + """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
spans()
assert not traceo.flush(0.3)
assert traceo.status().spans.waiting == 100
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
assert traceo.flush(30)
""",
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"work": 100}


@pytest.mark.parametrize("room_bytes", [0, 8 << 20, 96 << 20], ids=["none", "8 MiB", "96 MiB"])
def test_hardly_any_memory_is_left(room_bytes, run, recorder):
    app = run(
        START
        + f"""
import resource
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + {room_bytes}, -1))
spans()
print("goes on")
traceo.flush(0.2)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
spans(1)
"""
    )
    assert (app.process.returncode, app.out) == (0, "goes on\n"), app.err
    status_lines = [line for line in app.err.splitlines() if not line.startswith("traceo:")]
    assert status_lines == []
    assert sum(recorder.names().values()) > 0


def test_no_thread_can_be_started_and_the_peer_does_not_answer(start, recorder):
    recorder.gate.clear()
    app = start(
        START.replace("traceo.init()", "import traceo.pipeline.worker as worker")
        + """
def refuse(*arguments):
    raise RuntimeError("can't start new thread")

worker.start_new_thread = refuse
traceo.init()
spans()
""",
        TRACEO_EXIT_TIMEOUT_S="0.5",
        OTEL_EXPORTER_OTLP_TIMEOUT="600",
    )
    assert app.process.wait(60) == 0, app.err
    assert "100 spans dropped at exit" in app.err


PLACES = {
    "no folder for temporary files": ({"TMPDIR": "/nowhere", "TEMP": "/nowhere"}, ""),
    "no home": ({"HOME": "/nowhere", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""}, ""),
    "a working directory that cannot be written to": ({}, "os.chdir('/proc')"),
}


@pytest.mark.parametrize("place", PLACES)
def test_places_that_are_missing_or_read_only(place, run, recorder):
    environ, code = PLACES[place]
    app = run(START + f"{code}\nspans()", **environ)
    assert (app.process.returncode, app.err) == (0, "")
    assert recorder.names() == {"work": 100}


def test_a_subinterpreter_gets_an_inert_client_that_says_why(run, recorder):
    app = run(
        """
        import sys
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            import _interpreters as interpreters
        import traceo
        traceo.init()
        other = interpreters.create()
        interpreters.run_string(other, '''if True:
            import sys
            import traceo
            client = traceo.init()
            with traceo.span("other") as span:
                assert not span.is_recording()
            assert client.flush() and client.shutdown()
            print(traceo.status().state, *traceo.status().notes, flush=True)
        ''')
        interpreters.destroy(other)
        with traceo.span("main"):
            pass
        """
    )
    assert app.process.returncode == 0, app.err
    assert app.out.startswith("disabled init() was called in a subinterpreter")
    assert app.err.count("traceo: init() was called in a subinterpreter") == 1
    assert recorder.names() == {"main": 1}
