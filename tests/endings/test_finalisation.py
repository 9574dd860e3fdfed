import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import random, time, traceo
    client = traceo.init(console="off", seal="off", endpoint="http://127.0.0.1:9", instrument="off")
    rng = random.Random(1)
    for number in range(60):
        with traceo.span("read", text="".join(rng.choices("abcdefgh ", k=120_000))):
            pass
    while client._pipeline._parts is None:
        time.sleep(0.001)
    time.sleep({seconds})
    client.shutdown(0)
"""


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 3, 5, 8, 10, 13, 17, 21])
def test_a_process_that_ends_while_text_is_searched_keeps_its_exit_status(milliseconds):
    """The search runs in C++: a thread that came back from it to no interpreter would abort the process."""
    script = textwrap.dedent(SCRIPT.format(seconds=milliseconds / 1000))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "terminate called" not in done.stderr


BUSY = """
import sys, threading, time, traceo
traceo.init(console="off", instrument="off", metrics="off")
with traceo.span("one"):
    pass

def spin():
    while True:
        pass

def record():
    while True:
        with traceo.span("more"):
            pass

class Late:
    def __del__(self):
        with traceo.span("late"):
            pass
        traceo.flush(0.1)

late = Late()
late.itself = late  # goes at the very end
for _ in range(3):
    threading.Thread(target={"spin": spin, "record": record}[sys.argv[1]], daemon=True).start()
"""


def test_busy_threads_do_not_keep_an_ending_process_from_delivering(run, recorder):
    app = run([sys.executable, "-c", BUSY, "spin"])
    assert (app.process.returncode, app.err) == (0, "")
    assert recorder.names()["one"] == 1


@pytest.mark.parametrize("attempt", range(4))
def test_an_object_that_records_at_the_very_end_neither_hangs_nor_complains(run, attempt):
    app = run([sys.executable, "-c", BUSY, "record"], TRACEO_ENDPOINT="http://127.0.0.1:9")
    assert app.process.returncode == 0, app.err
    assert "Exception ignored" not in app.err
