pytest_plugins = ["traceo.testing", "tests.services", "tests.recorder"]
