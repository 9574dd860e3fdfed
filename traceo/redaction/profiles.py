"""Sets of types by region. Secrets and the first types are always on; a profile adds those of its region."""

__all__ = ["FIRST", "PROFILES", "SECRETS", "TYPES"]

# Names of the modules in ``detectors``.
SECRETS = ("jwt", "api_key", "private_key", "url_credentials", "authorization")
FIRST = (
    "email", "card", "iban", "us_ssn", "in_aadhaar", "in_pan", "sg_nric", "cn_resident_id", "br_cpf", "ip",
    "phone",
)  # fmt: skip
PROFILES: dict[str, tuple[str, ...]] = {
    "eu": (
        "fr_nir", "es_dni", "it_fiscal_code", "be_national_number", "se_personnummer", "fi_hetu", "de_tax_id",
        "pl_pesel", "nl_bsn", "dk_cpr", "ie_pps", "pt_nif", "ro_cnp", "mac",
    ),
    "uk": ("uk_nhs", "mac"),
    "us": ("us_itin",),
    "us-hipaa": ("us_itin", "us_mbi", "us_npi", "mac"),
    "sg": ("mac",),
    "in": ("mac",),
    "cn": ("mac",),
    "br": ("br_cnpj", "mac"),
    "jp": ("jp_my_number", "mac"),
}  # fmt: skip

# The types a policy may name.
TYPES = frozenset(
    {"API_KEY", "CREDENTIALS", "CREDIT_CARD", "JWT", "PRIVATE_KEY"}
    | {name.upper() for name in FIRST if name != "card"}
    | {name.upper() for names in PROFILES.values() for name in names}
)
