"""Which detectors there are. Importing this module compiles their patterns."""

from traceo.redaction.policy import Policy

from . import (
    api_key,
    authorization,
    br_cpf,
    card,
    cn_resident_id,
    email,
    iban,
    in_aadhaar,
    in_pan,
    ip,
    jwt,
    phone,
    private_key,
    sg_nric,
    url_credentials,
    us_ssn,
)
from .detector import Detector

__all__ = ["detectors_for"]

_SECRETS = (jwt, api_key, private_key, url_credentials, authorization)
_FIRST = (email, card, iban, us_ssn, in_aadhaar, in_pan, sg_nric, cn_resident_id, br_cpf, ip, phone)


def detectors_for(policy: Policy) -> tuple[Detector, ...]:
    """The detectors that a policy switches on."""
    del policy
    return (*(module.DETECTOR for module in _SECRETS + _FIRST), phone.CONTEXTUAL)
