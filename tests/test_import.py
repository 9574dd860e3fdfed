"""What an application pays for `import traceo` and `init`, in modules rather than in milliseconds."""

import subprocess
import sys

import pytest

HEAVY = [
    "grpc",
    "presidio_analyzer",
    "spacy",
    "rich",
    "httpx",
    "duckdb",
    "pyarrow",
    "opentelemetry.sdk",
    "opentelemetry.proto",
    "google.protobuf",
    "traceo.collector",
    "traceo.cli",
    "pytest",
]
IN_THE_PIPELINE = [
    "http.client",
    "ssl",
    "cryptography",
    "cbor2",
    "re2",
    "backports.zstd",
    "compression.zstd",
    "traceo.redaction.detectors",
    "traceo.exporters.peer",
    "traceo.exporters.otlp",
    "asyncio",
]


def loaded_after(script: str) -> set[str]:
    # Not isolated with -I: an editable installation needs site. What site itself loads is not ours.
    before = "import sys; before = set(sys.modules)\n"
    after = "\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", before + script + after],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_traceo_loads_nothing_else():
    loaded = loaded_after("import traceo")
    others = {name for name in loaded if not name.startswith("traceo")}
    assert others <= {"typing", "typing.io", "typing.re", "_typing", "collections.abc"}
    assert {name for name in loaded if name.startswith("traceo")} == {"traceo", "traceo._version"}


@pytest.mark.parametrize(
    "script", ["import traceo; traceo.init()", "import traceo; traceo.status(); traceo.span"]
)
def test_init_leaves_the_heavy_modules_to_others_and_to_the_pipeline_thread(script):
    assert loaded_after(script) & {*HEAVY, *IN_THE_PIPELINE} == set()


def test_redact_alone_loads_no_tracing():
    loaded = loaded_after("import traceo; traceo.redact('ada@example.com')")
    assert not [
        name for name in loaded if name.startswith(("opentelemetry", "traceo.tracing", "traceo.pipeline"))
    ]


def test_the_pipeline_loads_its_modules_itself():
    loaded = loaded_after(
        "import traceo; traceo.init(console='off', logs_level='off')\n"
        "with traceo.span('x'): pass\n"
        "traceo.shutdown()"
    )
    assert {"http.client", "cryptography", "traceo.exporters.otlp"} <= loaded
    assert loaded & set(HEAVY) == set()
