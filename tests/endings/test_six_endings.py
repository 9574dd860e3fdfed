"""A hundred spans, then the process ends: the six ways, with a peer that takes them and with none."""

import signal
import time

import pytest

SPANS = """
import os, signal, sys, time, traceo
traceo.init()
for number in range(100):
    with traceo.span("work", number=number):
        pass
"""

ENDINGS = {
    "the end of the script": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "an uncaught exception": ("raise ValueError('no')", 1),
    "os._exit": ("os._exit(4)", 4),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -15),
    "SIGTERM in a blocking call": (
        "print('ready'); import threading; threading.Lock().acquire(); time.sleep(60)",
        -15,
    ),
    "SIGHUP": ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(60)", -1),
    "Ctrl-C": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -2),
    "a handler that calls sys.exit": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); os.kill(os.getpid(), 15); time.sleep(60)",
        5,
    ),
    "a handler that calls os._exit": (
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(6)); os.kill(os.getpid(), 15); time.sleep(60)",
        6,
    ),
    "a handler that takes the default action": (
        "def handler(*_): signal.signal(15, signal.SIG_DFL); os.kill(os.getpid(), 15)\nsignal.signal(15, handler); os.kill(os.getpid(), 15); time.sleep(60)",
        -15,
    ),
    "exec": ("os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(7)'])", 7),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_hundred_spans_arrive_and_the_exit_status_is_the_applications(ending, start, recorder):
    code, status = ENDINGS[ending]
    app = start(SPANS + code)
    if "ready" in code:
        app.until_says("ready")
        app.until_waits()
        app.process.send_signal(signal.SIGTERM)
    assert app.process.wait(60) == status, app.err
    assert recorder.names() == {"work": 100}
    assert "traceo:" not in app.err


MEASURES = """
import os, signal, sys, time, traceo
from opentelemetry import trace
traceo.init()
orders = traceo.counter("orders")
for number in range(100):
    orders.add(1, {"kind": number % 3})
with trace.get_tracer("app").start_as_current_span("GET", kind=trace.SpanKind.SERVER):
    pass
"""


@pytest.mark.parametrize("sampled", ["1", "0"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_measured_last_arrives_too(ending, sampled, start, recorder):
    code, status = ENDINGS[ending]
    app = start(MEASURES + code, TRACEO_SAMPLE_RATE=sampled)
    if "ready" in code:
        app.until_says("ready")
        app.until_waits()
        app.process.send_signal(signal.SIGTERM)
    assert app.process.wait(60) == status, app.err
    pid = app.process.pid
    assert recorder.sums("orders") == {pid: 100}
    assert recorder.sums("traces.span.metrics.duration") == {pid: 1}
    assert recorder.names() == ({"GET": 1} if sampled == "1" else {})
    assert "traceo:" not in app.err


def test_a_forked_child_measures_from_zero_and_the_parent_goes_on(run, recorder):
    app = run(
        MEASURES
        + """
child = os.fork()
if child == 0:
    orders.add(7)
    os._exit(0)
silent = os.fork()
if silent == 0:
    os._exit(0)
assert [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in (child, silent)] == [0, 0]
orders.add(1)
print(child)
"""
    )
    assert (app.process.returncode, app.err) == (0, "")
    assert recorder.sums("orders") == {app.process.pid: 101, int(app.out): 7}


def test_a_callback_that_hangs_holds_up_no_end_and_costs_only_itself(run, recorder):
    begun = time.monotonic()
    app = run(
        MEASURES + "import threading\ntraceo.observable_gauge('hangs', lambda: threading.Event().wait())\n",
        TRACEO_EXIT_TIMEOUT_S="8",
    )
    assert time.monotonic() - begun < 30
    assert app.process.returncode == 0
    assert recorder.sums("orders") == {app.process.pid: 100}
    assert recorder.names() == {"GET": 1}


def test_a_process_that_only_measures_is_told_of_when_nothing_listens(run, nowhere):
    app = run(
        "import traceo; traceo.init(); traceo.counter('orders').add(1); traceo.status().metrics",
        nowhere,
        TRACEO_METRICS="-own",
        TRACEO_EXIT_TIMEOUT_S="0.5",
    )
    assert app.process.returncode == 0
    assert app.err.count("1 data point dropped at exit") == 1


CHILD_ENDINGS = {
    "os._exit": ("os._exit(4)", 4),
    "its normal end": ("sys.exit(0)", 0),
    "an exception": ("raise ValueError('no')", 1),
    "SIGTERM": ("os.kill(os.getpid(), 15); time.sleep(60)", -15),
}


@pytest.mark.parametrize("ending", CHILD_ENDINGS)
def test_a_forked_childs_spans_arrive_and_the_parents_too(ending, run, recorder):
    code, status = CHILD_ENDINGS[ending]
    app = run(
        SPANS
        + f"""
child = os.fork()
if child == 0:
    for number in range(100):
        with traceo.span("child"):
            pass
    {code}
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == {status}
with traceo.span("after"):
    pass
"""
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"after": 1, "child": 100, "work": 100}
    assert len(recorder.pids("work") | recorder.pids("child")) == 2
    assert recorder.pids("work") == recorder.pids("after")


MULTI = """
import multiprocessing, os, sys
import traceo
traceo.init()

def work(number):
    with traceo.span("child", number=number):
        return os.getpid()

def process():
    for number in range(100):
        work(number)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with traceo.span("main"):
        pass
"""

WAYS = {
    "Process": """
    child = context.Process(target=process)
    child.start()
    child.join()
    assert child.exitcode == 0
""",
    "Pool": """
    with context.Pool(2) as pool:
        pool.map(work, range(100), chunksize=10)
""",
    "ProcessPoolExecutor": """
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(work, range(100), chunksize=10))
""",
}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("way", WAYS)
def test_the_spans_of_multiprocessings_children_arrive(method, way, start, run, recorder, tmp_path):
    (tmp_path / "multi.py").write_text(MULTI + WAYS[way])
    import sys

    app = run([sys.executable, str(tmp_path / "multi.py"), method])
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"child": 100, "main": 1}
    assert app.err == ""


@pytest.mark.parametrize(
    "code", ["", "os._exit(0)", "raise ValueError", "os.kill(os.getpid(), 15); time.sleep(60)"]
)
@pytest.mark.parametrize("peer", ["nothing listens", "never answers"])
def test_with_a_peer_that_takes_nothing_the_end_is_bounded_and_one_line_says_so(
    code, peer, run, recorder, nowhere
):
    recorder.gate.clear()
    begun = time.monotonic()
    app = run(
        SPANS + code,
        nowhere if peer == "nothing listens" else None,
        TRACEO_EXIT_TIMEOUT_S="0.5",
        OTEL_EXPORTER_OTLP_TIMEOUT="600",
    )
    assert time.monotonic() - begun < 30, "far less than the time one request may take"
    assert app.err.count("100 spans dropped at exit") == 1


def test_with_no_time_for_an_end_signals_and_exit_are_left_alone(run, recorder):
    app = run(
        """
        import os, signal, traceo
        before = signal.signal, signal.getsignal, os._exit, os.execv
        traceo.init()
        assert before == (signal.signal, signal.getsignal, os._exit, os.execv)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """,
        TRACEO_EXIT_TIMEOUT_S="0",
    )
    assert (app.process.returncode, app.err) == (0, "")
