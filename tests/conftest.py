pytest_plugins = ["traceo.testing"]
