"""gevent and eventlet, patched in before `init` and after it."""

import signal
import subprocess
import sys

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


IMPORTS = """
import sys
from traceo.native import get_ident

MAIN = get_ident()
beside = set()

def hear(event, arguments):
    if event == "import" and is_begun and get_ident() != MAIN:
        beside.add(arguments[0])

is_begun = False
sys.addaudithook(hear)
"""

ALL = """
import logging
is_begun = True
things = traceo.counter("things")
for number in range(50):
    try:
        with traceo.span("work", **{
            "card": "4111 1111 1111 1111",
            "user.email": "ada@example.com",
            "url.full": "https://host.example/?q=ada@example.com",
            "db.query.text": "SELECT 'x'",
            "db.system.name": "mysql",
            "body": '{"password": "hunter2"}',
        }):
            things.add(1, {"shop": "north"})
            logging.getLogger("shop").warning("mail %s", "ada@example.com")
            raise ValueError("4111 1111 1111 1111")
    except ValueError:
        pass
print(traceo.flush(30))
work("more")
traceo.shutdown()
print(traceo.status(), file=sys.stderr)
assert not beside, sorted(beside)
"""


@pytest.fixture
def sealed(tmp_path):
    """Settings for batches that are sealed, with sealed fields in them."""
    keys = [sys.executable, "-m", "traceo", "keys"]
    subprocess.run([*keys, "new", "team"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([*keys, "publish", "team", "--out", "team.jws"], cwd=tmp_path, check=True)
    team = tmp_path / "team.jws"
    (tmp_path / "policy.toml").write_text(
        f"""
profiles = ["eu", "us"]
[types]
EMAIL = "seal"
[seal]
reveal_keys = ["{team}"]
pseudonym_key = "env:PSEUDONYM_KEY"
"""
    )
    return {
        "PSEUDONYM_KEY": "cHNldWRvbnlt" * 4,
        "TRACEO_REDACTION": str(tmp_path / "policy.toml"),
        "TRACEO_SEAL": "carrier",
        "TRACEO_SEAL_KEY": str(team),
        "TRACEO_SPOOL_DIR": str(tmp_path / "spool"),
    }


@when
@patched
@pytest.mark.parametrize("is_sealed", [False, True], ids=["plain", "sealed"])
def test_the_pipeline_thread_imports_nothing_beside_greenlets(
    patch, patch_first, is_sealed, run, recorder, request
):
    """Under their locks, a greenlet that needs the same module at that moment would fail."""
    environ = request.getfixturevalue("sealed") if is_sealed else {}
    app = run(
        IMPORTS + order(patch, patch_first=patch_first) + ALL,
        endpoint=recorder.url.replace("127.0.0.1", "localhost"),
        **environ,
    )
    assert app.process.returncode == 0, app.err
    assert app.out == "True\n", app.err
    assert "60 created, 60 delivered" in app.err, app.err
    assert is_sealed or recorder.names() == {"more": 10, "work": 50}
