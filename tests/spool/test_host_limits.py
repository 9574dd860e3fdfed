"""A host that has run out of something: everything is counted, nothing is raised, and it goes on afterwards."""

import resource
import subprocess

import pytest

from tests.spool.test_processes import BALANCE, SPOOLED, START

MiB = 1024 * 1024


def total(balance: dict) -> int:
    spans = balance["spans"]
    return spans["delivered"] + spans["waiting"] + spans["spooled"] + sum(spans["dropped"].values())


@pytest.fixture
def mount(tmp_path):
    """Mounts a small file system of memory at ``state``; without the right to, the test is skipped."""
    place = tmp_path / "state"

    def at_state(options: str) -> None:
        place.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"mounting a tmpfs needs root: {done.stderr.strip()}")

    yield at_state
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


LEARN = "spans(1); assert traceo.flush(30); say('learnt'); go_on()\n"


def test_a_full_disk_keeps_in_memory_what_does_not_fit_and_says_so_once(collector, run_app, mount):
    mount("size=96k,mode=0700")
    app = run_app(
        START,
        LEARN,
        """
        for _ in range(40):
            spans(500, note="x" * 200)
            time.sleep(0.02)
        until(lambda: traceo.status().spool.endswith("No space left on device"))
        """,
        BALANCE + "go_on()",
        "until(lambda: traceo.status().spans.delivered == 20001)",
    )
    app.hear("learnt")
    collector.end()
    app.go_on()
    balance = app.hear("balance")
    assert total(balance) == balance["spans"]["created"] == 20001
    assert balance["spans"]["spooled"] > 0
    assert balance["spans"]["waiting"] > 0
    assert balance["spans"]["dropped"] == {}
    collector.start()
    app.go_on()
    said = app.end()
    assert said.count("No space left on device") == 1
    collector.wait_for_spans(20001)


def test_a_file_size_limit_is_a_full_disk(collector, run_app):
    app = run_app(
        START,
        LEARN,
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))",
        "spans(5000, note='x' * 200); until(lambda: 'File too large' in traceo.status().spool)",
        BALANCE + "go_on()",
        "until(lambda: traceo.status().spans.delivered == 5001)",
    )
    app.hear("learnt")
    collector.end()
    app.go_on()
    balance = app.hear("balance")
    assert total(balance) == balance["spans"]["created"] == 5001
    collector.start()
    app.go_on()
    app.end()
    collector.wait_for_spans(5001)


def test_a_read_only_file_system_means_memory_only_and_is_said_once(collector, run_app, mount):
    mount("ro")
    app = run_app(
        START,
        LEARN,
        "spans(100); until(lambda: traceo.status().spool.endswith('Read-only file system'))",
        BALANCE + "go_on()",
        "assert traceo.flush(30) or traceo.flush(30)",
    )
    app.hear("learnt")
    collector.end()
    app.go_on()
    assert app.hear("balance")["spans"]["waiting"] == 100
    collector.start()
    app.go_on()
    said = app.end()
    assert said.count("Read-only file system") == 1
    collector.wait_for_spans(101)


def test_without_descriptors_all_waits_in_memory_and_goes_when_there_are_some(collector, run_app):
    app = run_app(
        START,
        """
        import os
        taken = []
        def take_all():
            try:
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
        take_all()
        spans(50)
        until(lambda: traceo.status().restarts or traceo.status().trouble)
        """,
        BALANCE,
        """
        for descriptor in taken:
            os.close(descriptor)
        until(lambda: traceo.status().spans.delivered == 50)
        """,
        limits={resource.RLIMIT_NOFILE: 64},
    )
    assert app.hear("balance")["spans"]["waiting"] == 50
    app.end()
    collector.wait_for_spans(50)


def test_descriptors_that_run_out_while_the_collector_is_away_cost_nothing(collector, run_app):
    app = run_app(
        START,
        LEARN,
        """
        import os
        taken = []
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        spans(50)
        until(lambda: "Too many open files" in traceo.status().spool)
        """,
        BALANCE,
        """
        for descriptor in taken:
            os.close(descriptor)
        """,
        SPOOLED.format(count=50) + "say('spooled'); go_on()",
        "assert traceo.flush(30) or traceo.flush(30)",
        limits={resource.RLIMIT_NOFILE: 64},
    )
    app.hear("learnt")
    collector.end()
    app.go_on()
    assert app.hear("balance")["spans"]["waiting"] == 50
    app.hear("spooled")
    collector.start()
    app.go_on()
    app.end()
    collector.wait_for_spans(51)


def test_without_memory_spans_are_counted_as_dropped_and_the_application_goes_on(collector, run_app):
    app = run_app(
        START,
        "spans(1); assert traceo.flush(30)",
        """
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 60 * 2**20, size + 60 * 2**20))
        text = "word and " * (2**20)
        spans(200, text=text)
        until(lambda: not traceo.status().spans.waiting)
        """,
        BALANCE,
    )
    balance = app.hear("balance")
    assert total(balance) == balance["spans"]["created"] == 201
    assert sum(balance["spans"]["dropped"].values()) > 0
    app.end()
    collector.wait_for_spans(balance["spans"]["delivered"])


def test_a_clock_that_jumps_delays_nothing_for_longer_than_it_is_wrong(collector, run_app):
    """Waits go by the monotonic clock; a key set that seems to have expired is not sealed to meanwhile."""
    app = run_app(
        START,
        """
        real, ahead = time.time, [0.0]
        time.time = lambda: real() + ahead[0]
        spans(10)
        assert traceo.flush(30)
        ahead[0] = 5 * 365 * 86400.0
        spans(10)
        until(lambda: traceo.status().trouble)
        say("ahead", trouble=traceo.status().trouble)
        """,
        BALANCE,
        """
        ahead[0] = -3600.0
        until(lambda: traceo.status().spans.delivered == 20)
        ahead[0] = 0.0
        spans(10)
        until(lambda: traceo.status().spans.delivered == 30)
        """,
    )
    assert "not sealed to" in app.hear("ahead")["trouble"]
    assert app.hear("balance")["spans"]["waiting"] == 10
    app.end()
    collector.wait_for_spans(30)
