"""gevent and eventlet, patched in before `init` and after it."""

import signal

import pytest

GEVENT = "from gevent import monkey; monkey.patch_all()"
EVENTLET = """import warnings
warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()"""
INIT = "import traceo; traceo.init()"
SPAWN = {GEVENT: "import gevent; spawn = gevent.spawn", EVENTLET: "spawn = eventlet.spawn"}

WORK = """
import os, signal, sys, time

def work(name):
    for number in range(10):
        with traceo.span(name):
            time.sleep(0)

def together(name):
    threads = [spawn(work, name) for _ in range(10)]
    while traceo.status().spans.created < 100:
        time.sleep(0.001)

"""


def order(patch, *, patch_first):
    first, second = (patch, INIT) if patch_first else (INIT, patch)
    return f"{first}\n{second}\n{SPAWN[patch]}\n{WORK}"


patched = pytest.mark.parametrize("patch", [GEVENT, EVENTLET], ids=["gevent", "eventlet"])
when = pytest.mark.parametrize("patch_first", [True, False], ids=["before init", "after init"])

ENDINGS = {
    "normal": ("", 0),
    "os._exit": ("os._exit(3)", 3),
    "SIGTERM while all wait": ("print('ready'); time.sleep(60)", -signal.SIGTERM),
}


@when
@patched
@pytest.mark.parametrize("ending", ENDINGS)
def test_spans_of_greenlets_arrive(patch, patch_first, ending, start, recorder):
    code, status = ENDINGS[ending]
    app = start(order(patch, patch_first=patch_first) + f"together('work')\n{code}\n")
    if "ready" in code:
        app.until_says("ready")
        app.until_waits()
        app.process.send_signal(signal.SIGTERM)
    assert app.process.wait(60) == status, app.err
    assert recorder.names() == {"work": 100}


@when
@patched
def test_greenlets_go_on_while_one_of_them_flushes(patch, patch_first, start, recorder):
    recorder.gate.clear()
    app = start(
        order(patch, patch_first=patch_first)
        + """
flushed = []
together("work")
spawn(lambda: flushed.append(traceo.flush(30)))
time.sleep(0.01)
print("goes on", flushed)
while not flushed:
    time.sleep(0.01)
print(flushed)
"""
    )
    app.until_says("goes on []")
    recorder.gate.set()
    assert app.process.wait(60) == 0, app.err
    assert "[True]" in app.out
    assert recorder.names() == {"work": 100}


@when
@patched
def test_parent_and_child_deliver_after_a_fork_between_two_exports(patch, patch_first, run, recorder):
    app = run(
        order(patch, patch_first=patch_first)
        + """
together("work")
assert traceo.flush(30)
child = os.fork()
work("child" if child == 0 else "parent")
assert traceo.flush(30)
if child == 0:
    work("child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
work("parent")
"""
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"child": 20, "parent": 20, "work": 100}
