"""`traceo.flush()` where a process is frozen rather than ended, and `flush="exit"` where it is short."""


def test_a_flush_in_a_handler_delivers_before_it_returns(start, recorder):
    app = start(
        """
        import time, traceo
        traceo.init(flush="exit")

        def handler(event):
            try:
                with traceo.span("invocation"):
                    return event
            finally:
                assert traceo.flush(30)

        for number in range(3):
            handler(number)
        print("frozen")
        time.sleep(60)
        """
    )
    app.until_says("frozen")
    app.close()  # SIGKILL: what ends a function that is no longer called
    assert recorder.names() == {"invocation": 3}


def test_a_script_that_flushes_at_its_end_sends_once(run, recorder):
    app = run(
        """
        import traceo
        traceo.init(flush="exit")
        for number in range(500):
            with traceo.span("work"):
                pass
        """,
        TRACEO_FLUSH_EVERY_S="0.01",
    )
    assert (app.process.returncode, app.err) == (0, "")
    assert recorder.names() == {"work": 500}
    assert len(recorder.posts) == 1


def test_a_flush_before_init_and_after_shutdown_returns_at_once(run):
    app = run(
        """
        import traceo
        assert traceo.flush()
        client = traceo.init()
        assert traceo.flush()
        assert traceo.shutdown()
        assert not traceo.flush()
        """
    )
    assert (app.process.returncode, app.err) == (0, "")
