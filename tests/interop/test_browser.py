"""A real browser opens what Python sealed, with hpke-js and WebCrypto, under a policy of its own origin only."""

import functools
import gzip
import http.server
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from traceo.sealing import Kem, PrivateKeys, RecipientSecret, seal_batch
from traceo.sealing.field import seal_field

DIST = Path(__file__).parent / "browser" / "dist"
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
BODY = "a trace of someone's checkout ✓ " * 50


class _Strict(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Content-Security-Policy", "default-src 'self'")
        super().end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def page():
    assert (DIST / "open.js").exists(), "run: npm ci && npm run build in tests/interop/browser"
    handler = functools.partial(_Strict, directory=str(DIST))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                opened = browser.new_page()
                opened.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
                opened.wait_for_function("globalThis.sealed")
                yield opened
                assert opened.evaluate("violations") == []
                browser.close()
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("kem", list(Kem), ids=[kem.name for kem in Kem])
def test_a_browser_opens_a_batch(page, header, kem):
    secret = RecipientSecret.generate(kem)
    sealed = seal_batch(gzip.compress(BODY.encode()), recipients=[secret.recipient()], header=header)
    opened = page.evaluate(
        "([batch, key]) => sealed.openBatch(batch, key)", [sealed.hex(), bytes(secret.seed).hex()]
    )
    assert opened == {
        "text": BODY,
        "signal": "traces",
        "tenant": "acme",
        "batchId": header.batch_id.hex(),
    }
    altered = bytearray(sealed)
    altered[200] ^= 1
    with pytest.raises(Error):
        page.evaluate(
            "([batch, key]) => sealed.openBatch(batch, key)", [altered.hex(), bytes(secret.seed).hex()]
        )


def test_a_browser_opens_a_sealed_value(page):
    token = seal_field("Ada Lovelace ✓".encode(), key=bytes(32), kid="k", attribute="user.name")
    assert page.evaluate("([token, key]) => sealed.openField(token, key)", [token, bytes(32).hex()]) == (
        "Ada Lovelace ✓"
    )


@pytest.mark.parametrize("kem", list(Kem), ids=[kem.name for kem in Kem])
def test_we_unwrap_what_a_browser_wrapped(page, kem):
    secret = RecipientSecret.generate(kem)
    public, content_key, info = secret.recipient().public, bytes(range(32)), b"some info"
    algorithm = -65536 - kem
    enc, wrapped = page.evaluate(
        "([algorithm, key, secret, info]) => sealed.wrap(algorithm, key, secret, info)",
        [algorithm, public.hex(), content_key.hex(), info.hex()],
    )
    keys = PrivateKeys([secret])
    kid = secret.recipient().kid
    assert keys.unwrap(kid, bytes.fromhex(enc), bytes.fromhex(wrapped), info) == content_key


def test_the_policy_holds_back_everything_from_elsewhere(page):
    script = "fetch('http://127.0.0.1:9/').then(() => 'reached', (error) => error.name)"
    assert page.evaluate(script) == "TypeError"
    assert page.evaluate("violations.splice(0)") == ["connect-src"]
