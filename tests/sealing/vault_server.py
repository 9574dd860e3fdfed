"""What the tests need of HashiCorp Vault: KV version 2 and Transit over HTTP, with real AES-256-GCM."""

import base64
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["TOKEN", "VaultServer"]

TOKEN = "hvs.a-token-of-the-tests"


class _RefusalError(Exception):
    def __init__(self, status, *errors):
        super().__init__(*errors)
        self.status = status
        self.errors = list(errors)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        vault = self.server.vault
        try:
            status, answer = 200, vault.answer(self.command, self.path, self.headers, body)
        except _RefusalError as refusal:
            status, answer = refusal.status, {"errors": refusal.errors}
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(204 if answer is None else status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_any  # noqa: N815 - the names `http.server` calls

    def log_message(self, *arguments):
        pass


class VaultServer:
    """KV at ``secret/``, Transit at ``transit/`` with one key named ``traceo``; `denied` are path beginnings."""

    def __init__(self, context=None):
        self.secrets = {}
        """Path → the content of each version, None once destroyed."""
        self.transit_keys = [AESGCM(AESGCM.generate_key(256))]
        self.denied = set()
        self.before_write = []
        """Called once each, before a write is looked at."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.vault = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server.handle_error = lambda *_: None
        if context is not None:
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, method, path, headers, body):
        path = path.removeprefix("/v1/")
        if headers.get("X-Vault-Token") != TOKEN or any(path.startswith(start) for start in self.denied):
            raise _RefusalError(403, "permission denied")
        mount, verb, name = path.split("/", 2)
        given = json.loads(body) if body else {}
        match mount, verb, method:
            case "secret", "data", "GET":
                return self._read(name)
            case "secret", "data", "POST" | "PUT":
                while self.before_write:
                    self.before_write.pop()()
                return self._write(name, given)
            case "secret", "metadata", "GET":
                return self._metadata(name)
            case "secret", "destroy", "POST" | "PUT":
                for version in given["versions"]:
                    self.secrets[name][version - 1] = None
                return None
            case "transit", "encrypt" | "decrypt", "POST" | "PUT":
                return {"data": getattr(self, f"_{verb}")(name, given)}
        raise _RefusalError(404, "no handler for route")

    def _read(self, name):
        versions = self.secrets.get(name)
        if not versions or versions[-1] is None:
            raise _RefusalError(404)
        return {"data": {"data": versions[-1], "metadata": {"version": len(versions), "destroyed": False}}}

    def _write(self, name, given):
        versions = self.secrets.setdefault(name, [])
        if given["options"].get("cas") != len(versions):
            raise _RefusalError(400, "check-and-set parameter did not match the current version")
        versions.append(given["data"])
        return {"data": {"version": len(versions), "destroyed": False}}

    def _metadata(self, name):
        if not self.secrets.get(name):
            raise _RefusalError(404)
        versions = {
            str(number): {"destroyed": content is None, "deletion_time": ""}
            for number, content in enumerate(self.secrets[name], 1)
        }
        return {"data": {"current_version": len(versions), "versions": versions}}

    def _encrypt(self, name, given):
        if name != "traceo":
            raise _RefusalError(400, "encryption key not found")
        nonce = os.urandom(12)
        sealed = self.transit_keys[-1].encrypt(nonce, base64.b64decode(given["plaintext"]), None)
        number = len(self.transit_keys)
        return {"ciphertext": f"vault:v{number}:{base64.b64encode(nonce + sealed).decode()}"}

    def _decrypt(self, name, given):
        try:
            _, version, text = given["ciphertext"].split(":")
            raw = base64.b64decode(text)
            plain = self.transit_keys[int(version[1:]) - 1].decrypt(raw[:12], raw[12:], None)
        except (ValueError, IndexError, InvalidTag):
            raise _RefusalError(400, "invalid ciphertext: unable to decrypt") from None
        return {"plaintext": base64.b64encode(plain).decode()}
