"""API_KEY: keys and tokens that their issuers made recognisable by a prefix.

One row an issuer: the prefixes, then what follows them. Formats are those the issuers document for secret
scanning.
"""

import re

from .detector import CERTAIN, NO, Detector, by_pattern

__all__ = ["DETECTOR"]

_W = "[0-9A-Za-z]"
_D = "[0-9A-Za-z_-]"

_ISSUERS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("AWS", ("AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA"), "[0-9A-Z]{12,20}"),
    ("AWS Bedrock", ("ABSK",), "[0-9A-Za-z+/]{60,}={0,2}"),
    ("GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), _W + "{20,255}"),
    ("GitHub", ("github_pat_",), r"\w{22,255}"),
    ("GitLab", ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "glagent-",
    "gloas-",
                "glffct-"), r"[\w.-]{16,}"),
    ("Slack", ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxo-", "xoxc-", "xoxd-", "xoxe.",
    "xapp-"),
     r"[0-9A-Za-z.%/+=_-]{10,}"),
    ("Slack", ("hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"),
    r"[\w/]{20,}"),
    ("Discord", ("discord.com/api/webhooks/", "discordapp.com/api/webhooks/"), r"[\w/-]{30,}"),
    ("Stripe", ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "sk_org_",
    "sk_prod_"), _W + "{8,}"),
    ("Stripe", ("whsec_",), "[0-9A-Za-z+/=]{16,}"),
    ("Google", ("AIza",), _D + "{30,}"),
    ("Google", ("GOCSPX-",), _D + "{20,}"),
    ("Google", ("ya29.", "1//0"), _D + "{20,}"),
    ("Anthropic", ("sk-ant-",), _D + "{16,}"),
    ("OpenAI and others", ("sk-",), r"(?:proj-|svcacct-|admin-|or-v1-|lf-|live-|None-)?" + _D + r"{16,}"),
    ("Langfuse", ("pk-lf-",), _D + "{20,}"),
    ("npm", ("npm_",), _W + "{30,}"),
    ("PyPI", ("pypi-",), _D + "{16,}"),
    ("SendGrid", ("SG.",), _D + "{16,}[.]" + _D + "{16,}"),
    ("Twilio", ("SK", "AC"), "[0-9a-f]{32}"),
    ("DigitalOcean", ("dop_v1_", "doo_v1_", "dor_v1_"), "[0-9a-f]{32,}"),
    ("Hugging Face", ("hf_", "api_org_"), _W + "{30,}"),
    ("Shopify", ("shpat_", "shpca_", "shppa_", "shpss_", "shptka_"), "[0-9a-fA-F]{32,}"),
    ("Square", ("sq0atp-", "sq0csp-", "sq0idp-", "EAAA"), _D + "{22,}"),
    ("Mailgun", ("key-",), "[0-9a-f]{32}"),
    ("Brevo", ("xkeysib-", "xsmtpsib-"), "[0-9a-zA-Z-]{32,}"),
    ("New Relic", ("NRAK-", "NRII-", "NRIQ-", "NRRA-", "NRJS-"), _D + "{16,}"),
    ("Sentry", ("sntrys_", "sntryu_"), "[0-9A-Za-z+/=_-]{32,}"),
    ("Linear", ("lin_api_", "lin_oauth_"), _W + "{32,}"),
    ("Notion", ("ntn_",), _W + "{32,}"),
    ("Atlassian", ("ATATT3", "ATCTT3", "ATBB"), "[0-9A-Za-z_=-]{20,}"),
    ("Dropbox", ("sl.",), r"(?:u\.)?" + _D + "{80,}"),
    ("Databricks", ("dapi", "dose"), "[0-9a-f]{32}(?:-[0-9])?"),
    ("Grafana", ("glsa_", "glc_"), "[0-9A-Za-z_+/=]{24,}"),
    ("HashiCorp", ("hvs.", "hvb.", "hvr."), _D + "{20,}"),
    ("Doppler", ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."), r"[\w.-]{30,}"),
    ("PlanetScale", ("pscale_tkn_", "pscale_pw_", "pscale_oauth_"), r"[\w.=-]{30,}"),
    ("Postman", ("PMAK-",), "[0-9a-f-]{40,}"),
    ("Pulumi", ("pul-",), "[0-9a-f]{40}"),
    ("RubyGems", ("rubygems_",), "[0-9a-f]{40,}"),
    ("crates.io", ("cio",), "[0-9A-Za-z]{32}"),
    ("Supabase", ("sbp_", "sb_secret_"), _D + "{20,}"),
    ("Groq", ("gsk_",), _W + "{40,}"),
    ("xAI", ("xai-",), _W + "{40,}"),
    ("Replicate", ("r8_",), _W + "{30,}"),
    ("Perplexity", ("pplx-",), _W + "{30,}"),
    ("Fireworks", ("fw_",), _W + "{20,}"),
    ("Tavily", ("tvly-",), _D + "{20,}"),
    ("NVIDIA", ("nvapi-",), _D + "{40,}"),
    ("LangSmith", ("lsv2_pt_", "lsv2_sk_"), r"\w{30,}"),
    ("Logfire", ("pylf_v1_", "pylf_v2_"), r"\w{20,}"),
    ("Figma", ("figd_", "figdr_"), _D + "{30,}"),
    ("Airtable", ("pat",), r"[0-9A-Za-z]{14}\.[0-9a-f]{64}"),
    ("Docker", ("dckr_pat_", "dckr_oat_"), _D + "{20,}"),
    ("Netlify", ("nfp_", "nfc_"), _W + "{30,}"),
    ("Heroku", ("HRKU-",), _D + "{30,}"),
    ("CircleCI", ("CCIPAT_", "CCIPRJ_"), r"\w{30,}"),
    ("Buildkite", ("bkua_", "bkct_"), _W + "{30,}"),
    ("Contentful", ("CFPAT-",), _D + "{30,}"),
    ("Dynatrace", ("dt0c01.", "dt0s16."), r"[\w.]{30,}"),
    ("EasyPost", ("EZAK", "EZTK"), _W + "{50,}"),
    ("Flutterwave", ("FLWSECK_TEST-", "FLWSECK-", "FLWPUBK-"), _D + "{12,}"),
    ("Razorpay", ("rzp_live_", "rzp_test_"), _W + "{10,}"),
    ("Paystack", ("sk_paystack_",), _W + "{20,}"),
    ("Plaid", ("access-production-", "access-sandbox-", "access-development-"), "[0-9a-f-]{36}"),
    ("PayPal", ("access_token$production$", "access_token$sandbox$"), r"[0-9a-z]{16}\$[0-9a-f]{32}"),
    ("Mailchimp", (), "[0-9a-f]{32}-us[0-9]{1,2}"),
    ("Telegram", (), "[0-9]{8,10}:AA[0-9A-Za-z_-]{32,33}"),
    ("Discord", (), r"[MNO][0-9A-Za-z_-]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,38}"),
    ("Azure", ("AccountKey=", "SharedAccessKey=", "SharedAccessSignature="), r"[^\s;\"']{20,}"),
    ("Azure", (), "[0-9A-Za-z_~.-]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34}"),
    ("Azure", (),
    "[0-9A-Za-z]{52}JQQJ99[0-9A-Za-z]{26}|[0-9A-Za-z]{33,}(?:ACDb|AzFu|AzCa|AzSe|ASt)[0-9A-Za-z+/=]{5,}"),
    ("Alibaba", ("LTAI",), _W + "{12,26}"),
    ("Tencent", ("AKID",), _W + "{13,40}"),
    ("Yandex", ("AQVN", "y0_"), _D + "{35,}"),
    ("age", ("AGE-SECRET-KEY-1",), "[0-9A-Z]{30,}"),
    ("1Password", ("ops_eyJ",), _D + "{40,}"),
    ("Artifactory", ("AKCp",), _W + "{40,}"),
    ("Facebook", ("EAACEdEose0cBA", "EAAB", "EAAG"), _W + "{40,}"),
    ("Instagram", ("IGQV",), _D + "{40,}"),
    ("Lob", ("live_pub_", "test_pub_"), "[0-9a-f]{30,}"),
    ("Prefect", ("pnu_", "pnb_"), _W + "{30,}"),
    ("Typeform", ("tfp_",), _D + "{40,}"),
    ("Shippo", ("shippo_live_", "shippo_test_"), "[0-9a-f]{32,}"),
    ("Terraform", (), r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{30,}"),
    ("Traceo", ("traceo_",), _D + "{24,}"),
    ("Cloudflare", ("v1.0-",), "[0-9a-f]{24}-[0-9a-f]{100,}"),
    ("Adafruit", ("aio_",), _W + "{28}"),
    ("ngrok, others", ("ak_live_", "ak_test_", "api_live_", "api_test_", "secret_live_", "secret_test_"),
    _W + "{12,}"),
    ("Zuplo, Unkey, WorkOS", ("zpka_", "unkey_", "sk_example_", "sk_dev_", "sk_stag_"), r"\w{16,}"),
)  # fmt: skip

_LOOSE = "".join(
    (
        r"(?:",
        "|".join(re.escape(p) for _, prefixes, _ in _ISSUERS for p in prefixes if len(p) > 3 and p != "key-"),
        r")[0-9A-Za-z_/$+-]{4}",
        # Short prefixes and none at all: more of the shape decides.
        r"|\b(?:sk-[0-9A-Za-z_-]{12}|SG\.[0-9A-Za-z_-]{12}|(?:SK|AC|key-|pul-|dapi|dose)[0-9a-f]{20})",
        r"|\b(?:(?:hf_|fw_|r8_|cio|y0_)[0-9A-Za-z]{16}|sl\.[0-9A-Za-z_.-]{40}|pat[0-9A-Za-z]{14}\.[0-9a-f]{10})",
        r"|[0-9a-f]-us[0-9]|[0-9]:AA|(?:^|[^0-9A-Za-z])[MNO][0-9A-Za-z_-]{23,25}\.|[0-9]Q~|JQQJ99",
        r"|(?:ACDb|AzFu|AzCa|AzSe|ASt)[0-9A-Za-z+/=]{5}|\.atlasv1\.",
    )
)


def _pattern() -> str:
    rows: list[str] = []
    for _, prefixes, rest in _ISSUERS:
        head = "|".join(map(re.escape, prefixes))
        rows.append(f"(?:{head})(?:{rest})" if head else f"(?:{rest})")
    return r"(?<![0-9A-Za-z])(?:" + "|".join(rows) + r")"


def _trie(prefixes: list[str]) -> str:
    """A pattern for the prefixes that tries one branch for each next character."""
    if "" in prefixes:
        return ""
    branches = [
        re.escape(first) + _trie([p[1:] for p in prefixes if p[0] == first])
        for first in sorted({p[0] for p in prefixes})
    ]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


_PREFIX = re.compile(r"(?<![0-9A-Za-z])" + _trie([p for _, prefixes, _ in _ISSUERS for p in prefixes]))
_CHUNK = re.compile(r"[0-9A-Za-z]+(?=[^0-9A-Za-z])")
# First words of prefixes that stand in many a text; there the whole prefix is looked for.
_COMMON = frozenset({"access", "api", "v1", "key", "live", "test", "secret", "1", "hooks", "discord"})
_FIRST_WORDS = {
    p: match.group().lower()
    for _, prefixes, _ in _ISSUERS
    for p in prefixes
    if (match := _CHUNK.match(p)) is not None and match.group().lower() not in _COMMON
}
_WORDS = frozenset(_FIRST_WORDS.values())
_INNER = ["-us", ":AA", "Q~", "JQQJ99", ".atlasv1.", "ACDb", "AzFu", "AzCa", "AzSe", "ASt"]
_ANYWHERE = re.compile(
    _trie([*(p for _, prefixes, _ in _ISSUERS for p in prefixes if p not in _FIRST_WORDS), *_INNER])
)
_DISCORD = re.compile(r"\.[0-9A-Za-z_-]{6}\.")


def _probe(text: str, words: frozenset[str]) -> bool:
    if not words.isdisjoint(_WORDS) and _PREFIX.search(text) is not None:
        return True
    for match in _ANYWHERE.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if not (before.isascii() and before.isalnum()) or match.group() in _INNER:
            return True
    return text.count(".") >= 2 and _DISCORD.search(text) is not None


# A digit, a capital inside of a word, or more letters on end than a word has.
_RANDOM = re.compile(r"\d|[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Za-z]{20}", re.ASCII)


def _judge(text: str) -> int:
    # sk- also begins ordinary words joined by dashes.
    return CERTAIN if not text.startswith("sk-") or _RANDOM.search(text) is not None else NO


DETECTOR = Detector(
    entity="API_KEY",
    trigger=_LOOSE,
    find=by_pattern(_pattern(), _judge),
    probe=_probe,
    words=_WORDS,
    hard=True,
)  # fmt: skip
