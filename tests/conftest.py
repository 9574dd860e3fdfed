import os
import signal

from hypothesis import HealthCheck, settings

pytest_plugins = ["traceo.testing", "tests.services", "tests.recorder"]

# Nothing here is a matter of time.
settings.register_profile("home", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: what is found by luck is found at home.
settings.register_profile("ci", settings.get_profile("home"), derandomize=True, database=None)
settings.load_profile("ci" if "CI" in os.environ else "home")

# A shell's background and nohup have these ignored, and every program that a test starts would inherit that.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
