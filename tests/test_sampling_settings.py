"""From the settings to what arrives: the ratio, its threshold, and what is kept beyond it."""

import json
import os
import subprocess
import sys
import textwrap

SCRIPT = """
    import json, sys, traceo
    from opentelemetry import trace
    client = traceo.init(console="off", seal="off", endpoint="http://127.0.0.1:9", **json.loads(sys.argv[1]))
    tracer = trace.get_tracer("test")
    kept = []
    put = client.provider._outlets.sink
    client.provider._outlets.sink = lambda span: (kept.append(span), put(span))
    for number in range(400):
        try:
            with tracer.start_as_current_span("root") as root, tracer.start_as_current_span("child"):
                if number % 10 == 0:
                    raise ValueError
        except ValueError:
            pass
    client.shutdown(0)
    print(json.dumps({
        "sampler": client.provider.sampler.get_description(),
        "sampled": sum(span.context.trace_flags.sampled for span in kept),
        "states": sorted({span.context.trace_state.to_header() for span in kept}),
        "kept": sum("traceo.sampling.kept" in span.attributes for span in kept),
        "status": dict(traceo.status().sampling),
    }))
"""


def run(settings, **environ):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACEO_"))}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), json.dumps(settings)],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_by_default_everything_is_sampled_and_no_threshold_travels():
    found = run({})
    assert (found["sampled"], found["states"], found["kept"], found["status"]) == (800, [""], 0, {})


def test_a_ratio_is_consistent_and_says_its_threshold():
    found = run({"sample_rate": 0.5})
    assert found["sampler"].startswith("ParentBased{root:ConsistentRatio{threshold:8}")
    assert 250 < found["sampled"] < 550
    assert (found["states"], found["kept"], found["status"]) == (["ot=th:8"], 0, {})


def test_keep_errors_keeps_every_failed_trace_and_shows_in_the_status():
    found = run({"sample_rate": 0.0, "keep_errors": True})
    assert (found["sampled"], found["kept"], found["states"]) == (0, 80, [""])
    assert found["status"] == {
        "held_spans": 0,
        "kept_failed": 40,
        "kept_slow": 0,
        "kept_spans": 80,
        "lost_spans": 0,
    }


def test_slowness_alone_may_be_kept():
    assert run({"sample_rate": 0.0, "keep_slower_than_s": 3600})["kept"] == 0
    assert run({"sample_rate": 0.0, "keep_slower_than_s": 1e-9})["status"]["kept_slow"] == 400


def test_the_variables_say_the_same_and_opentelemetrys_samplers_still_count():
    found = run(
        {},
        TRACEO_KEEP_ERRORS="true",
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0",
    )
    assert found["sampler"].startswith("ParentBased{root:TraceIdRatioBased{0.0}")
    assert (found["sampled"], found["kept"]) == (0, 80)
