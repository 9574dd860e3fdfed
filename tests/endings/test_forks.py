"""Forks at awkward moments: what is the parent's stays the parent's, and the child delivers its own."""

START = """
import os, sys, threading, time, traceo
traceo.init()
"""


def test_a_fork_in_the_middle_of_an_export(start, recorder):
    recorder.gate.clear()
    app = start(
        START
        + """
with traceo.span("parent"):
    pass
threading.Thread(target=traceo.flush, args=(60,), daemon=True).start()
print("sending")
while not os.path.exists("reached"):
    time.sleep(0.001)
if os.fork() == 0:
    with traceo.span("child"):
        pass
    print("forked")
    os._exit(0)
os.wait()
""",
    )
    app.until(recorder.reached.is_set)
    (app.folder / "reached").touch()
    app.until_says("forked")
    recorder.gate.set()
    assert app.process.wait(60) == 0, app.err
    assert recorder.names() == {"child": 1, "parent": 1}


def test_forks_while_the_pipeline_works_as_hard_as_it_can(run, recorder):
    app = run(
        START
        + """
made = 0
stop = False

def make():
    global made
    while not stop:
        with traceo.span("parent", text="write to ada@example.com about order 4711 of last week"):
            made += 1
        if not made % 200:
            time.sleep(0.001)

thread = threading.Thread(target=make)
thread.start()
children = []
for _ in range(10):
    while made < 500 * len(children):
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        for number in range(10):
            with traceo.span("child", text="write to ada@example.com"):
                pass
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
stop = True
thread.join()
print(made)
""",
        TRACEO_FLUSH_EVERY_S="0.01",
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"child": 100, "parent": int(app.out)}, app.err


def test_spans_that_were_open_at_a_fork_are_the_parents(run, recorder):
    app = run(
        START
        + """
with traceo.span("outer"):
    with traceo.span("inner"):
        child = os.fork()
        with traceo.span("child" if child == 0 else "parent"):
            pass
        if child == 0:
            with traceo.span("another"):
                pass
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
"""
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"another": 1, "child": 1, "inner": 1, "outer": 1, "parent": 1}
    spans = {span.name: (pid, span) for pid, span in recorder.spans()}
    assert spans["outer"][0] == spans["inner"][0] == spans["parent"][0] != spans["child"][0]
    assert spans["child"][1].parent_span_id == spans["inner"][1].span_id


def test_children_of_children_deliver(run, recorder):
    app = run(
        START
        + """
for depth in range(4):
    with traceo.span("work", depth=depth):
        pass
    child = os.fork()
    if child:
        break
else:
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"work": 4}
    assert len(recorder.pids("work")) == 4


def test_a_child_of_a_process_that_was_shut_down_stays_so(run, recorder):
    app = run(
        START
        + """
with traceo.span("parent"):
    pass
traceo.shutdown()
child = os.fork()
with traceo.span("late"):
    pass
if child == 0:
    os._exit(0)
os.wait()
"""
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"parent": 1}


def test_a_child_that_runs_another_program_keeps_out_of_the_way(run, recorder):
    app = run(
        START
        + """
import subprocess
with traceo.span("parent"):
    subprocess.run(["true"], check=True)
    subprocess.run(["true"], check=True, preexec_fn=os.getpid)
    child = os.fork()
    if child == 0:
        os.execvp("true", ["true"])
    assert os.waitpid(child, 0)[1] == 0
    assert os.system("true") == 0
"""
    )
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"parent": 1}
