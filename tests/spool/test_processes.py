"""Real applications, a real collector that comes and goes, and one folder between them."""

import signal
import stat
import time

START = "traceo.init(service_name='shop', flush_every_s=0.05, instrument='off')\n"
SPOOLED = "until(lambda: traceo.status().spans.spooled == {count})\n"
BALANCE = (
    "s = traceo.status(); say('balance', spans=s.to_dict()['spans'], recovered=s.to_dict()['recovered'])\n"
)


def test_what_reached_the_spool_survives_sigkill_and_the_next_process_sends_it(collector, run_app, learnt):
    collector.end()
    app = run_app(START + "spans(1500); " + SPOOLED.format(count=1500) + "say('spooled'); go_on()")
    app.hear("spooled")
    app.end(signal.SIGKILL)
    collector.start()
    # It makes no span of its own.
    heir = run_app(START + "until(lambda: traceo.status().recovered.delivered == 1500)\n" + BALANCE)
    said = heir.hear("balance")
    assert said["spans"] == {"created": 0, "delivered": 0, "waiting": 0, "spooled": 0, "dropped": {}}
    assert said["recovered"] == {
        "created": 1500,
        "delivered": 1500,
        "waiting": 0,
        "spooled": 0,
        "dropped": {},
    }
    assert heir.end() == ""
    collector.wait_for_spans(1501)


def test_a_process_killed_in_the_middle_of_it_loses_only_what_was_not_on_disk(collector, run_app, learnt):
    collector.end()
    app = run_app(
        START,
        """
        spans(3000)
        until(lambda: traceo.status().spans.spooled > 1000)
        say("on disk", spooled=traceo.status().spans.spooled)
        spans(100000)
        """,
    )
    spooled = app.hear("on disk")["spooled"]
    app.end(signal.SIGKILL)
    collector.start()
    heir = run_app(
        START,
        """
        until(lambda: traceo.status().recovered.delivered)
        until(lambda: not traceo.status().recovered.spooled)
        """,
        BALANCE,
    )
    recovered = heir.hear("balance")["recovered"]
    heir.end()
    assert recovered["delivered"] >= spooled
    assert recovered["created"] == recovered["delivered"] + sum(recovered["dropped"].values())
    collector.wait_for_spans(1 + recovered["delivered"])


def test_a_process_that_starts_and_ends_while_the_collector_is_away_loses_nothing(
    collector, run_app, learnt, tmp_path
):
    collector.end()
    app = run_app(
        START,
        """
        spans(700, note="plainly visible")
        began = time.monotonic()
        whole = traceo.shutdown()
        say("ended", took_s=time.monotonic() - began, whole=whole)
        """,
        BALANCE,
    )
    ended = app.hear("ended")
    assert ended["whole"]
    assert ended["took_s"] < 2.5
    assert app.hear("balance")["spans"]["spooled"] == 700
    assert app.end() == ""
    folder = tmp_path / "state" / "spool"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"plainly" not in file.read_bytes()
    collector.start()
    heir = run_app(START + "spans(1)\n" + "until(lambda: traceo.status().recovered.delivered == 700)")
    heir.end()
    collector.wait_for_spans(702)
    assert list(folder.iterdir()) == []


def test_metrics_wait_on_disk_too_and_the_next_process_sends_them(collector, run_app, learnt):
    collector.end()
    app = run_app(
        START + "orders = traceo.counter('orders')\n"
        "for kind in range(5): orders.add(1, {'kind': kind})\n"
        "traceo.shutdown(); say('ended', metrics=traceo.status().to_dict()['metrics'])",
        TRACEO_METRICS="app",
    )
    assert app.hear("ended")["metrics"] == {
        "created": 5,
        "delivered": 0,
        "waiting": 0,
        "spooled": 5,
        "dropped": {},
    }
    assert app.end() == ""
    collector.start()
    heir = run_app(START + "until(lambda: traceo.status().recovered.delivered == 5)\n" + BALANCE)
    assert heir.hear("balance")["recovered"]["dropped"] == {}
    assert heir.end() == ""


def test_a_short_job_that_comes_next_drains_the_spool_while_it_ends(collector, run_app, learnt):
    collector.end()
    run_app(START + "spans(400)").end()
    collector.start()
    run_app(START + "spans(1)").end()
    collector.wait_for_spans(402)


def test_many_processes_share_a_folder_and_lose_and_double_nothing(collector, run_app, learnt):
    collector.end()
    apps = [
        run_app(START + "spans(600); " + SPOOLED.format(count=600) + "say('spooled'); go_on()")
        for _ in range(4)
    ]
    for app in apps:
        app.hear("spooled")
    for number, app in enumerate(apps):  # half of them are killed, half go on
        if number % 2:
            app.end(signal.SIGKILL)
    collector.start()
    heirs = [run_app(START + "spans(50); say('up'); go_on()") for _ in range(2)]
    collector.wait_for_spans(1 + 4 * 600 + 2 * 50)
    for app in (*apps[::2], *heirs):
        app.go_on()
        assert app.end() == ""
    assert collector.figures()["spans"] == 1 + 4 * 600 + 2 * 50


def test_a_collector_that_hangs_costs_the_exit_its_time_and_nothing_else(collector, run_app, learnt):
    collector.end(signal.SIGSTOP)
    app = run_app(
        START + "spans(2000); began = time.monotonic(); traceo.shutdown()\n"
        "say('ended', took_s=time.monotonic() - began)\n" + BALANCE
    )
    assert app.hear("ended")["took_s"] < 2.5
    assert app.hear("balance")["spans"]["spooled"] == 2000
    app.end()
    collector.process.send_signal(signal.SIGCONT)
    run_app(START + "spans(1); until(lambda: traceo.status().recovered.delivered == 2000)").end()
    collector.wait_for_spans(2002)


def test_fresh_spans_go_first_when_the_collector_returns(collector, run_app, learnt):
    collector.end()
    app = run_app(
        START,
        """
        spans(20000)
        until(lambda: traceo.status().spans.spooled == 20000)
        say("spooled"); go_on()
        spans(100)
        assert traceo.flush(60) is not None
        """,
        BALANCE + "go_on()",
    )
    app.hear("spooled")
    collector.start()
    app.go_on()
    assert app.hear("balance")["spans"]["delivered"] == 20100
    app.go_on()
    app.end()
    collector.wait_for_spans(20101)


def test_without_a_key_at_hand_nothing_is_written_and_the_exit_says_what_was_lost(
    run_app, tmp_path, collector
):
    collector.end()
    app = run_app(START + "spans(10)")
    said = app.end()
    assert "10 spans dropped at exit" in said
    assert not list((tmp_path / "state").glob("spool/*"))


def test_a_plain_endpoint_gets_nothing_on_disk(run_app, tmp_path, collector):
    collector.end()
    run_app(START + "spans(10)", TRACEO_SEAL="off").end()
    assert not (tmp_path / "state" / "spool").exists()


def test_a_forked_child_has_files_of_its_own(collector, run_app, learnt):
    collector.end()
    app = run_app(
        START,
        """
        import os
        spans(300)
        until(lambda: traceo.status().spans.spooled == 300)
        child = os.fork()
        if not child:
            spans(200)
            until(lambda: traceo.status().spans.spooled == 200)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        say("spooled", spooled=traceo.status().spans.spooled); go_on()
        until(lambda: traceo.status().spans.delivered == 300)
        until(lambda: traceo.status().recovered.delivered == 200)
        """,
    )
    assert app.hear("spooled")["spooled"] == 300
    collector.start()
    time.sleep(0)
    app.go_on()
    app.end()
    collector.wait_for_spans(501)
