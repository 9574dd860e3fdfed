import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["traceo.testing", "tests.services", "tests.recorder"]

# Nothing here is a matter of time.
settings.register_profile("home", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: what is found by luck is found at home.
settings.register_profile("ci", settings.get_profile("home"), derandomize=True, database=None)
settings.load_profile("ci" if "CI" in os.environ else "home")
