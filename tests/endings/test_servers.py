"""Real servers with several workers: every request's span arrives, once, whichever way the server is stopped.

Nothing is sent before the end (`flush_every_s` is an hour), so what arrives has come through the ending.
"""

import itertools
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

WSGI = """
import os, traceo
traceo.init(service_name="shop")

def app(environ, start_response):
    with traceo.span("request"):
        body = str(os.getpid()).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
"""

ASGI = """
import os, traceo
traceo.init(service_name="shop")

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    with traceo.span("request"):
        body = str(os.getpid()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})
"""


def ask(port: int) -> int:
    """The process id of the worker that answered; 0 when none did."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return int(answer.read())
    except (urllib.error.URLError, ConnectionError):
        return 0


def ask_until(app, port: int, workers: int) -> list[int]:
    """Ask until so many workers have answered; one process id for each answer."""
    app.until(lambda: ask(port), "no answer")
    answers = []
    with ThreadPoolExecutor(4) as pool:

        def have_all():
            answers.extend(pid for pid in pool.map(ask, [port] * 8) if pid)
            return len(set(answers)) >= workers

        app.until(have_all, "not every worker answered")
    return answers


@pytest.fixture
def serve(start, tmp_path, free_port):
    """Start a server with an application beside it; gives the process, the port."""

    def serve(code: str, *command: str, **environ: str):
        (tmp_path / "shop.py").write_text(code)
        path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
        app = start(
            [sys.executable, "-m", *command], PYTHONPATH=path, **{"TRACEO_INSTRUMENT": "off", **environ}
        )
        return app, free_port

    return serve


GUNICORN = {
    "sync": (WSGI, ()),
    "gevent": (WSGI, ("-k", "gevent")),
    "uvicorn": (ASGI, ("-k", "uvicorn_worker.UvicornWorker")),
}


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["no preload", "preload"])
@pytest.mark.parametrize("worker", GUNICORN)
def test_gunicorn(worker, preload, serve, recorder, free_port):
    code, options = GUNICORN[worker]
    app, port = serve(
        code, "gunicorn", "-w", "2", "-b", f"127.0.0.1:{free_port}", *options, *preload, "shop:app"
    )
    answers = ask_until(app, port, 2)
    assert app.kill(signal.SIGTERM) == 0, app.err
    assert recorder.names()["request"] == len(answers) + 1
    assert recorder.pids("request") == set(answers)
    assert "traceo" not in app.err


def test_gunicorn_in_a_hurry(serve, recorder, free_port):
    app, port = serve(WSGI, "gunicorn", "-w", "2", "-b", f"127.0.0.1:{free_port}", "shop:app")
    answers = ask_until(app, port, 2)
    assert app.kill(signal.SIGINT) == 0
    assert recorder.names()["request"] == len(answers) + 1


def test_gunicorn_replaces_a_worker_that_is_terminated(serve, recorder, free_port):
    app, port = serve(WSGI, "gunicorn", "-w", "1", "-b", f"127.0.0.1:{free_port}", "--preload", "shop:app")
    (first,) = set(ask_until(app, port, 1))
    os.kill(first, signal.SIGTERM)
    answers = []

    def have_other():
        answers.append(ask(port))
        return answers[-1] not in {0, first}

    app.until(have_other, "no new worker")
    assert app.kill(signal.SIGTERM) == 0
    assert recorder.pids("request") == {first, answers[-1]}


def test_uvicorn_alone(serve, recorder, free_port):
    app, port = serve(ASGI, "uvicorn", "--port", str(free_port), "shop:app")
    answers = ask_until(app, port, 1)
    assert app.kill(signal.SIGTERM) == -signal.SIGTERM
    assert recorder.names()["request"] == len(answers) + 1


def test_uvicorn_with_workers(serve, recorder, free_port):
    app, port = serve(ASGI, "uvicorn", "--workers", "2", "--port", str(free_port), "shop:app")
    answers = ask_until(app, port, 2)
    assert app.kill(signal.SIGTERM) in {0, -signal.SIGTERM}, app.err
    assert recorder.names()["request"] == len(answers) + 1
    assert recorder.pids("request") == set(answers)


def test_uvicorn_that_reloads(serve, recorder, free_port, tmp_path):
    app, port = serve(
        ASGI, "uvicorn", "--reload", "--reload-dir", str(tmp_path), "--port", str(free_port), "shop:app"
    )
    first = ask_until(app, port, 1)
    changed = itertools.count(time.time() + 1)

    def is_noticed():  # the first look at a file only remembers its time
        os.utime(tmp_path / "shop.py", (0, next(changed)))
        return "Reloading" in app.err

    app.until(is_noticed, "no reload")
    answers = []

    def have_other():
        answers.append(ask(port))
        return answers[-1] not in {0, first[0]}

    app.until(have_other, "no new worker")
    assert app.kill(signal.SIGTERM) in {0, -signal.SIGTERM}, app.err
    assert recorder.names()["request"] == 1 + len(first) + sum(pid > 0 for pid in answers)
    assert recorder.pids("request") == {first[0], answers[-1]}


CELERY = """
import os, sys, traceo
from celery import Celery
traceo.init(service_name="shop")

folder = os.path.dirname(__file__)
for name in ("queue", "done", "control"):
    os.makedirs(os.path.join(folder, name), exist_ok=True)
queue = os.path.join(folder, "queue")
app = Celery("shop", broker="filesystem://", backend=f"file://{folder}/done")
app.conf.broker_transport_options = {
    "data_folder_in": queue, "data_folder_out": queue, "control_folder": os.path.join(folder, "control"),
    "polling_interval": 0.02,
}
app.conf.worker_prefetch_multiplier = 1

@app.task
def work(number):
    with traceo.span("task", number=number):
        return os.getpid()

if __name__ == "__main__":
    results = [work.delay(number) for number in range(20)]
    print(len({result.get(timeout=60, interval=0.05) for result in results}))
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGQUIT], ids=["graceful", "in a hurry"])
def test_celery_prefork(stop, serve, start, recorder, tmp_path):
    worker, _ = serve(
        CELERY,
        "celery",
        "-A",
        "shop",
        "worker",
        "-c",
        "2",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "-E",
        TRACEO_INSTRUMENT="celery",
    )
    client = start([sys.executable, str(tmp_path / "shop.py")], TRACEO_INSTRUMENT="off")
    assert client.process.wait(60) == 0, client.err + worker.err
    assert worker.kill(stop) is not None
    assert recorder.names() == {"task": 20, "process shop.work": 20}, worker.err
    assert len(recorder.pids("task")) == int(client.out)
    assert recorder.pids("process shop.work") == recorder.pids("task")
