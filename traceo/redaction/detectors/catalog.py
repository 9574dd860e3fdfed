"""Which detectors there are, and which of them a policy switches on.

Importing this module compiles their patterns.
"""

from importlib import import_module

from traceo.redaction.policy import Policy
from traceo.redaction.profiles import FIRST, PROFILES, SECRETS

from .detector import Detector

__all__ = ["detectors_for"]


def detectors_for(policy: Policy) -> tuple[Detector, ...]:
    """The detectors that a policy switches on.

    In the order in which they name a place that several of them find.
    """
    further = [name for profile in policy.profiles for name in PROFILES.get(profile, ())]
    modules = [import_module(f"{__package__}.{name}") for name in dict.fromkeys((*SECRETS, *further, *FIRST))]
    found: list[Detector] = []
    for module in modules:
        found += [module.DETECTOR, *getattr(module, "ALSO", ())]
    return tuple(found)
