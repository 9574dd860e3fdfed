"""Programs without a line of ours, under ``traceo run``: real servers, their workers and their children."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

TRACEO = [sys.executable, "-m", "traceo", "run"]

FETCH = """
import sys, urllib.parse
import httpx

def main():
    httpx.get({url!r} + "/healthz")

if __name__ == "__main__":
    print(sys.argv[1:], __name__)
    main()
    sys.exit(7)
"""

ASGI = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/carts/{cart}")
async def cart(cart: int):
    return {"cart": cart}
"""

WSGI = """
import os
import flask
app = flask.Flask(__name__)

@app.get("/carts/<int:cart>")
def cart(cart):
    return str(os.getpid())
"""


def test_a_script_keeps_its_arguments_its_name_and_its_exit_code(run, recorder, tmp_path):
    (tmp_path / "fetch.py").write_text(FETCH.format(url=recorder.url))
    app = run([*TRACEO, str(tmp_path / "fetch.py"), "--help", "-m", "x"])
    assert app.out == "['--help', '-m', 'x'] __main__\n"
    assert app.process.returncode == 7, app.err
    assert recorder.names() == {"GET": 1}
    assert recorder.services() == {"fetch"}


def test_a_module_is_run_as_python_does(run, recorder, tmp_path):
    (tmp_path / "fetch.py").write_text(FETCH.format(url=recorder.url))
    app = run([*TRACEO, "-m", "fetch", "a"], PYTHONPATH=str(tmp_path))
    assert app.out == "['a'] __main__\n"
    assert app.process.returncode == 7, app.err
    assert recorder.names() == {"GET": 1}
    assert recorder.services() == {"fetch"}


def test_children_that_are_spawned_or_executed_are_seen_too(run, recorder, tmp_path):
    (tmp_path / "fetch.py").write_text(FETCH.format(url=recorder.url))
    (tmp_path / "parent.py").write_text(
        "import multiprocessing, subprocess, sys, fetch\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=fetch.main)\n"
        "    child.start(); child.join(); assert child.exitcode == 0\n"
        "    assert subprocess.run([sys.executable, '-m', 'fetch']).returncode == 7\n"
    )
    app = run([*TRACEO, str(tmp_path / "parent.py")], PYTHONPATH=str(tmp_path))
    assert app.process.returncode == 0, app.err
    assert recorder.names() == {"GET": 2}
    assert len(recorder.pids("GET")) == 2


def test_uvicorn_with_workers(start, recorder, free_port, tmp_path):
    (tmp_path / "shop.py").write_text(ASGI)
    command = [*TRACEO, "uvicorn", "shop:app", "--workers", "2", "--port", str(free_port)]
    app = start(command, PYTHONPATH=str(tmp_path))
    app.until(lambda: ask(free_port), "no answer")
    app.kill(signal.SIGTERM)
    assert recorder.names()["GET /carts/{cart}"] == 1
    assert recorder.services() == {"shop"}


JOBS = """
import os
from celery import Celery
app = Celery("jobs", broker={broker!r})
app.conf.task_ignore_result = True

@app.task
def ship():
    with open({done!r} + ".part", "w") as part:
        part.write(str(os.getpid()))
    os.rename(part.name, {done!r})
"""


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_gunicorn(start, recorder, free_port, tmp_path, worker):
    (tmp_path / "shop.py").write_text(WSGI)
    command = [*TRACEO, "gunicorn", "-w", "2", "-k", worker, "-b", f"127.0.0.1:{free_port}", "shop:app"]
    app = start(command, PYTHONPATH=str(tmp_path))
    answers: list[str] = []

    def have_both():
        # gunicorn itself waits half a minute for a gevent worker that is told to go while it begins.
        answers.extend(filter(None, (ask(free_port) for _ in range(8))))
        return len(set(answers)) == 2

    app.until(have_both, "not every worker answered")
    assert app.kill(signal.SIGTERM) == 0, app.err
    assert recorder.names()["GET /carts/<int:cart>"] == len(answers)
    assert recorder.pids("GET /carts/<int:cart>") == set(map(int, answers))
    assert "failed" not in app.err
    assert recorder.services() == {"shop"}


@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_a_celery_worker_and_its_pool(start, recorder, redis, tmp_path, pool):
    (tmp_path / "jobs.py").write_text(JOBS.format(broker=f"redis:{redis.url}3", done=str(tmp_path / "done")))
    command = [*TRACEO, "celery", "-A", "jobs", "worker", "-P", pool, "-c", "1", "-l", "WARNING"]
    app = start(command, PYTHONPATH=str(tmp_path))
    subprocess.run([sys.executable, "-c", "import jobs; jobs.ship.delay()"], cwd=tmp_path, check=True)
    app.until((tmp_path / "done").exists, "the task has not run")
    assert app.kill(signal.SIGTERM) == 0, app.err
    assert recorder.names() == {"process jobs.ship": 1}
    assert recorder.pids("process jobs.ship") == {int((tmp_path / "done").read_text())}
    assert recorder.services() == {"jobs"}


def test_a_sitecustomize_of_the_application_runs_as_well(run, recorder, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('mine', __name__)\n")
    (tmp_path / "app.py").write_text("import sys; print(sys.modules['sitecustomize'].__file__)\n")
    app = run([*TRACEO, str(tmp_path / "app.py")], PYTHONPATH=str(tmp_path))
    ours, *its = app.out.splitlines()  # the command is a Python program too
    assert ours == "mine sitecustomize"
    assert its == ["mine sitecustomize", str(tmp_path / "sitecustomize.py")]


def test_a_wrong_setting_is_said_before_the_program_starts(run, tmp_path):
    (tmp_path / "app.py").write_text("print('started')\n")
    app = run([*TRACEO, str(tmp_path / "app.py")], TRACEO_SAMPLE_RATE="2")
    assert (app.process.returncode, app.out) == (2, "")
    assert "traceo run: sample_rate is 2 (from TRACEO_SAMPLE_RATE)" in app.err


def test_a_program_whose_descriptors_are_closed_runs(recorder, run, tmp_path):
    (tmp_path / "app.py").write_text("import traceo\nwith traceo.span('ran'): pass\n")
    app = run(["sh", "-c", f"exec {' '.join(TRACEO)} {tmp_path}/app.py >&- 2>&- <&-"])
    assert app.process.returncode == 0
    assert recorder.names() == {"ran": 1}


def test_what_is_replaced_can_still_be_sent_to_another_process(run):
    script = (
        "import os, pickle, sqlite3, traceo; traceo.init(); "
        "print([pickle.loads(pickle.dumps(f)) is f for f in (os._exit, os.execv, sqlite3.connect)])"
    )
    assert run([sys.executable, "-c", script]).out == "[True, True, True]\n"


def test_a_program_that_does_not_exist_is_named():
    done = subprocess.run([*TRACEO, "shop.app"], capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr == (
        "traceo run: there is no 'shop.app' here, nor on PATH; give a Python file, a command, or a module with "
        "-m: traceo run -m shop.app\n"
    )


@pytest.mark.parametrize(
    ("options", "deaf"),
    [
        (["-I"], "-I"),
        (["-u", "-Es"], "-E"),
        (["-X", "utf8", "-S"], "-S"),
        (["-W", "error", "-Xdev", "-u"], ""),
        (["-m", "this", "-I"], ""),
    ],
)
def test_a_python_that_is_told_to_read_no_environment_runs_and_says_so(options, deaf, tmp_path):
    (tmp_path / "app.py").write_text("import sys; print('traceo' in sys.modules)")
    words = [*TRACEO, sys.executable, *options]
    if "-m" not in options:
        words.append(str(tmp_path / "app.py"))
    off = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=off)
    assert done.returncode == 0, done.stderr
    assert ("traceo run: with " + deaf + " Python" in done.stderr) == bool(deaf), done.stderr
    if "-m" not in options:
        assert done.stdout == f"{not deaf}\n"


def ask(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/carts/7", timeout=30) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("words", "is_module", "name"),
    [
        (["app.py"], False, "app"),
        (["jobs/mail.py", "x:y"], False, "mail"),
        (["shop.worker"], True, "shop.worker"),
        (["gunicorn", "-b", "127.0.0.1:80", "-w", "2", "shop.web:make()"], False, "shop.web"),
        (["/usr/bin/gunicorn", "-b", "unix:/run/shop", "shop:app"], False, "shop"),
        (["uvicorn"], True, "uvicorn"),
        (["celery", "-A", "shop.tasks", "worker"], False, "shop.tasks"),
        (["celery", "--app=shop", "worker"], False, "shop"),
        (["python", "-u", "-m", "uvicorn", "shop:app"], False, "shop"),
        (["python3", "app.py"], False, "app"),
        (["python", "-c", "pass"], False, ""),
        (["traceo", "run", "app.py"], False, "app"),
        (["traceo", "run", "-m", "shop.worker"], False, "shop.worker"),
        (["traceo", "run"], False, "traceo"),
    ],
)
def test_a_service_is_named_after_its_program(words, is_module, name):
    from traceo.cli.run import service_of

    assert service_of(words, is_module=is_module) == name


def test_a_name_that_is_set_stays(tmp_path, monkeypatch):
    from traceo.cli.run import environment_of

    monkeypatch.chdir(tmp_path)
    found = environment_of({"OTEL_SERVICE_NAME": "till"}, ["app.py"], is_module=False)
    assert found["OTEL_SERVICE_NAME"] == "till"
    (tmp_path / "pyproject.toml").write_text('[tool.traceo]\nservice_name = "till"\n')
    assert "OTEL_SERVICE_NAME" not in environment_of({}, ["app.py"], is_module=False)


def test_running_under_itself_starts_it_once(tmp_path, monkeypatch):
    from traceo.cli.run import environment_of

    monkeypatch.chdir(tmp_path)
    once = environment_of({"PYTHONPATH": "lib"}, ["app.py"], is_module=False)
    again = environment_of(once, ["app.py"], is_module=False)
    assert again == once
    assert len(once["PYTHONPATH"].split(os.pathsep)) == 2


def test_a_python_that_is_too_old_for_it_is_left_alone():
    from traceo.cli.run import environment_of

    boot = environment_of({}, ["app.py"], is_module=False)["PYTHONPATH"]
    older = "import runpy, sys; del sys.orig_argv; sys.modules['traceo'] = None; runpy.run_path(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", older, f"{boot}/sitecustomize.py"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
