from pathlib import Path

import pytest

from traceo.config import Config, load, pyproject_of
from traceo.errors import ConfigError
from traceo.settings import SETTINGS

MiB = 1024 * 1024


def message(arguments=None, environ=None, pyproject=None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(arguments or {}, environ or {}, pyproject)
    return str(caught.value)


def project(folder: Path, table: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"[project]\nname = 'app'\n[tool.traceo]\n{table}\n")
    return file


def test_nothing_given_is_the_defaults():
    assert load({}, {}) == Config()


def test_the_first_source_that_has_a_setting_wins(tmp_path):
    file = project(tmp_path, "service_name = 'table'\nsample_rate = 0.5\nconsole = 'off'")
    environ = {"TRACEO_SERVICE_NAME": "ours", "OTEL_SERVICE_NAME": "theirs", "OTEL_BSP_SCHEDULE_DELAY": "250"}
    config = load({"service_name": "argument"}, environ, file)
    assert (config.service_name, config.sample_rate, config.flush_every_s) == ("argument", 0.5, 0.25)
    assert config.sources == {
        "service_name": "argument",
        "sample_rate": f"[tool.traceo] in {file}",
        "console": f"[tool.traceo] in {file}",
        "flush_every_s": "OTEL_BSP_SCHEDULE_DELAY",
    }
    assert load({}, environ, file).service_name == "ours"
    del environ["TRACEO_SERVICE_NAME"]
    assert load({}, environ, file).service_name == "theirs"
    del environ["OTEL_SERVICE_NAME"]
    assert load({}, environ, file).service_name == "table"


def test_an_empty_variable_counts_as_not_set():
    assert load({}, {"TRACEO_ENDPOINT": " ", "OTEL_SERVICE_NAME": ""}) == Config()


@pytest.mark.parametrize(
    ("variable", "given", "field", "value"),
    [
        ("OTEL_SDK_DISABLED", "true", "enabled", False),
        ("OTEL_SDK_DISABLED", "1", "enabled", True),
        ("TRACEO_ENABLED", "off", "enabled", False),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://otel.example.org:4318/",
            "endpoint",
            "https://otel.example.org:4318",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=a%20b, x=1=2", "headers", {"api-key": "a b", "x": "1=2"}),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10", "timeout_s", 10.0),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500", "timeout_s", 2.5),
        ("TRACEO_INSTRUMENT", "auto, -Redis", "instrument", "auto,-redis"),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off", "sample_rate", 0.0),
        ("TRACEO_QUEUE_BYTES", "64MiB", "queue_bytes", 64 * MiB),
        ("TRACEO_QUEUE_BYTES", "1048576", "queue_bytes", MiB),
        ("TRACEO_LOGS_LEVEL", "warning", "logs_level", "WARNING"),
        (
            "TRACEO_CAPTURE",
            "X-Tenant, Accept, sql_parameters",
            "capture",
            ("x-tenant", "accept", "sql_parameters"),
        ),
    ],
)
def test_a_variable_is_read_as_its_specification_says(variable, given, field, value):
    config = load({}, {variable: given})
    assert getattr(config, field) == value
    assert config.sources == {field: variable}


def test_a_sampler_ratio_counts_only_for_a_ratio_sampler():
    assert load({}, {"OTEL_TRACES_SAMPLER_ARG": "0.1"}).sample_rate == 1.0
    environ = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
    assert load({}, environ).sample_rate == 0.1


def test_a_wrong_value_names_setting_source_and_fix(tmp_path):
    assert message(environ={"TRACEO_SAMPLE_RATE": "1.5"}) == (
        "sample_rate is 1.5 (from TRACEO_SAMPLE_RATE); give a number from 0.0 to 1.0"
    )
    assert message({"endpoint": "collector"}) == (
        "endpoint is 'collector' (from argument); give a URL such as http://127.0.0.1:4318"
    )
    file = project(tmp_path, "seal = 3")
    assert message(pyproject=file) == (
        f"seal is 3 (from [tool.traceo] in {file}); give auto, required, carrier or off"
    )
    assert message(environ={"OTEL_BSP_SCHEDULE_DELAY": "soon"}) == (
        "flush_every_s is 'soon' (from OTEL_BSP_SCHEDULE_DELAY); give seconds from 0.01 to 3600"
    )


def test_a_slip_of_the_pen_is_answered_with_the_right_name(tmp_path):
    assert message({"sampel_rate": 1}) == (
        "sampel_rate is not a setting (from an argument of init()); did you mean sample_rate?"
    )
    assert message(environ={"TRACEO_SERVICENAME": "x"}) == (
        "TRACEO_SERVICENAME is not a setting; did you mean TRACEO_SERVICE_NAME?"
    )
    file = project(tmp_path, "service-name = 'x'")
    assert message(pyproject=file).endswith("did you mean service_name?")


@pytest.mark.parametrize(
    ("variable", "instead"),
    [
        ("TRACEO_TIMEOUT_S", "OTEL_EXPORTER_OTLP_TIMEOUT, or timeout_s"),
        ("TRACEO_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS, or headers"),
        ("TRACEO_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT, or timeout_s"),
    ],
)
def test_a_setting_without_a_variable_says_what_to_use_instead(variable, instead):
    assert message(environ={variable: "5"}) == (
        f"{variable} is not read; set {instead} as an argument of init() or in [tool.traceo]"
    )
    assert load({}, {variable: ""}) == Config()


def test_metrics_are_chosen_by_name():
    assert load({"metrics": True}, {}).metrics == "auto"
    assert load({"metrics": False}, {}).metrics == "off"
    assert load({}, {"TRACEO_METRICS": "Runtime, -spans"}).metrics == "runtime,-spans"
    assert load({"metrics": ["prometheus"]}, {}).metrics == "prometheus"
    assert message({"metrics": "gc"}) == (
        "metrics is 'gc' (from argument); give auto, off, or app, spans, own, runtime and prometheus, "
        "separated by commas"
    )


def test_a_variable_of_another_tool_is_left_alone():
    assert load({}, {"TRACEO_PURE": "1", "TRACEO_COLLECTOR_DATA": "/data"}) == Config()


def test_a_secret_is_never_shown():
    secret = "hunter2-hunter2"
    assert secret not in message({"headers": f"no equals sign {secret}"})
    assert secret not in message({"api_key": [secret]})
    assert secret not in repr(load({"api_key": secret, "headers": {"authorization": secret}}, {}))


def test_the_user_info_of_an_endpoint_is_not_public():
    config = load({"endpoint": "https://ada:hunter2@otel.example.org/base"}, {})
    assert config.public_endpoint == "https://otel.example.org/base"
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("endpoint", "public"),
    [
        ("https://u:Hunter2walrus9/x@h", "https://h"),
        ("https://u:Hunter2@walrus9@h:4318/base", "https://h:4318/base"),
        ("https://u:Hunter2?walrus9@h", "https://…"),
        ("https://u:Hunter2#walrus9@h", "https://…"),
        ("http://h/x?key=Hunter2walrus9", "http://h/x"),
        ("http://h?key=Hunter2@walrus9", "http://…"),
        ("http://h/x#Hunter2walrus9", "http://h/x"),
        ("http://[::1]:4318", "http://[::1]:4318"),
    ],
)
def test_nothing_of_an_endpoint_that_may_be_a_secret_is_public(endpoint, public):
    config = load({"endpoint": endpoint}, {})
    assert (config.endpoint, config.public_endpoint) == (endpoint, public)
    assert repr(config) == f"Config(endpoint={public!r})"


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("ftp://u:Hunter2walrus9@h", "'ftp://h'"),
        ("u:Hunter2walrus9@h:4318", "'h:4318'"),
        ("u:Hunter2walrus9@h://x?key=Hunter2walrus9", "'h://x'"),
        ("ftp://h/x?key=Hunter2walrus9", "'ftp://h/x'"),
        (["https://u:Hunter2walrus9@h"], "a list"),
        (b"https://u:Hunter2walrus9@h", "a bytes"),
    ],
)
def test_a_wrong_endpoint_is_told_without_what_may_be_a_secret(endpoint, shown):
    assert message({"endpoint": endpoint}) == (
        f"endpoint is {shown} (from argument); give a URL such as http://127.0.0.1:4318"
    )
    assert "Hunter2" not in message({"sample_rate": endpoint})


def test_a_broken_pyproject_says_so_only_when_it_has_our_table(tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.other\n")
    assert load({}, {}, file) == Config()
    file.write_text("[tool.traceo\n")
    assert "cannot be read" in message(pyproject=file)
    file.write_text("[tool]\ntraceo = 3\n")
    assert message(pyproject=file) == f"tool.traceo is 3 (from {file}); give a table"


def test_the_project_of_a_folder_is_the_nearest_one_above(tmp_path):
    file = project(tmp_path, "")
    deep = tmp_path / "src" / "app"
    deep.mkdir(parents=True)
    assert pyproject_of(deep) == file


def test_the_table_and_the_struct_have_the_same_settings():
    fields = set(Config.__struct_fields__) - {"sources"}
    assert {setting.name for setting in SETTINGS} == fields
    variables = [setting.variable for setting in SETTINGS if setting.variable]
    assert len({*variables, "TRACEO_PURE"}) <= 25
    for setting in SETTINGS:
        assert setting.help.endswith("."), setting.name
        assert setting.read(getattr(Config(), setting.name)) == getattr(Config(), setting.name)
