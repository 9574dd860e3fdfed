"""One endpoint: what it turned out to be, and sending to it.

=============================================  ====================================================
answer to ``GET {endpoint}/api/traceo/keys``   consequence
=============================================  ====================================================
200 and a key set that is trusted              a Traceo collector: everything is sealed to it
200 and a key set that is not trusted          nothing is sent; the reason says what to pin
408, 429, 5xx, no answer                       nothing is sent yet
anything else                                  another OTLP endpoint: plain, unless sealing is
                                               required, a key is pinned, or it was a Traceo
                                               collector before
=============================================  ====================================================

The document is fetched again after half of its life and when the collector refuses a sealed batch.

With key sets from files and without the collector's (a *team*'s), whether the collector's own is trusted does
not matter for batches: it cannot read them. With `seal` "carrier" the endpoint is not asked at all: every
batch goes sealed, inside a log record, to whatever OTLP endpoint there is.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from traceo.errors import TraceoError, TrustError
from traceo.exporters.answers import read_answer, retry_after_s
from traceo.exporters.compression import Encoding, compress, preferred
from traceo.exporters.http import HttpSender, Response, TLSFiles, explain
from traceo.exporters.outcome import Outcome, Package, SealMode, Signal
from traceo.exporters.sealer import JSON, PROTOBUF, Sealer
from traceo.exporters.trust import Trust
from traceo.sealing.published import PublishedKeys
from traceo.sealing.recipients import KeySetFile

__all__ = ["Kind", "Peer", "PeerSettings"]

Kind: TypeAlias = Literal["unknown", "traceo", "otlp"]

_KEYS_PATH: Final = "/api/traceo/keys"
# How long a failed or fruitless look at the key set keeps us from looking again.
_LOOK_AGAIN_S: Final = 30.0
# How soon a refused batch may make us look again.
_DOUBT_AGAIN_S: Final = 1.0


class PeerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk to an endpoint; see `Destination`."""

    headers: dict[str, str]
    timeout_s: float
    seal: SealMode
    pin: str
    to_collector: bool
    files: tuple[str, ...]
    sender_key: str
    tenant: str
    state_dir: Path | None
    tls: TLSFiles

    def __repr__(self) -> str:
        # Headers carry credentials.
        return f"PeerSettings(seal={self.seal!r}, pin={self.pin!r}, headers={sorted(self.headers)})"


class Peer:
    """The endpoint at `base`, a URL without ``/v1/...``. One thread uses it; any thread may `close`."""

    def __init__(self, base: str, settings: PeerSettings) -> None:
        parts = urlsplit(base)
        self._settings = settings
        self._sender = HttpSender(base, settings.headers, settings.timeout_s, tls=settings.tls)
        self._keys_path = parts.path.rstrip("/") + _KEYS_PATH
        # Without the user info a URL may carry: this text ends up in a log line.
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._sealer = Sealer(
            [KeySetFile(path) for path in settings.files],
            tenant=settings.tenant,
            sender_key=settings.sender_key,
        )
        self.kind: Kind = "otlp" if settings.seal in {"off", "carrier"} else "unknown"
        self.trust = Trust(
            self.name, loopback=self._sender.loopback, pin=settings.pin, state_dir=settings.state_dir
        )
        if self.kind == "unknown" and self.trust.usable() is not None:
            self.kind = "traceo"
        self.encoding: Encoding = "gzip"
        self._look_at_s = 0.0
        self._doubt_at_s = 0.0
        self._distrust: Outcome | None = None

    def package(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | Outcome:
        """`payload` (an OTLP protobuf message) compressed, and sealed for a Traceo collector."""
        problem = self._resolve()
        if problem is not None:
            return problem
        if self._settings.seal == "carrier":
            return self._made(lambda: self._sealer.carrier(signal, payload, batch_id))
        if signal == "keys":
            return self._keys_package(payload, batch_id)
        if self.kind == "otlp":
            return Package(
                signal=signal,
                body=compress(payload, self.encoding),
                content_type=PROTOBUF,
                content_encoding=self.encoding,
                raw_bytes=len(payload),
                batch_id=batch_id,
            )
        collector = None
        if self._settings.to_collector:
            keys = self.trust.usable()
            if keys is None:
                return self._retry("its key set has expired and no newer one could be had")
            collector = keys.recipient()
        return self._made(lambda: self._sealer.package(signal, payload, batch_id, collector))

    def seal(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | None:
        """`payload` sealed with the keys in hand; None without keys, or when nothing goes there sealed."""
        if self._settings.seal == "carrier":
            made = self._made(lambda: self._sealer.carrier(signal, payload, batch_id))
        elif self.kind != "traceo":
            return None
        else:
            collector = None
            if self._settings.to_collector or signal == "keys":
                keys = self.trust.usable()
                if keys is None:
                    return None
                collector = keys.recipient()
            made = self._made(lambda: self._sealer.package(signal, payload, batch_id, collector))
        return made if isinstance(made, Package) else None

    def send(self, package: Package, path: str) -> Outcome:
        """POST `package` to `path`. A sealed one may go anywhere, a plain one only to a plain peer."""
        if not package.sealed_to and package.signal != "keys":
            problem = self._resolve()
            if problem is not None:
                return problem
            if self.kind != "otlp":
                return Outcome.retry("the batch has to be sealed first", reseal=True)
        try:
            answer = self._sender.send(path, package.body, package.content_type, package.content_encoding)
        except OSError as error:
            return self._unreachable(error)
        self._note_encoding(answer)
        outcome = read_answer(answer)
        if outcome.kind == "accepted":
            return outcome
        outcome = msgspec.structs.replace(outcome, reason=f"{self.name}: {outcome.reason}")
        return self._reconsider(package, outcome) if outcome.kind == "refused" else outcome

    def close(self) -> None:
        """Close for good, ending a send that is under way."""
        self._sender.close()

    def _keys_package(self, payload: bytes, batch_id: bytes) -> Package | Outcome:
        """Rows for the key table: sealed to the collector, or, if nobody has pinned it, over TLS."""
        if self.kind == "otlp":
            reason = (
                "keys of sealed values are only given to a Traceo collector; set seal.key_table in the policy"
            )
            return Outcome.refused(f"{self.name}: {reason}")
        keys = self.trust.usable()
        if keys is not None:
            return self._made(lambda: self._sealer.package("keys", payload, batch_id, keys.recipient()))
        safe = self._sender.loopback or self.name.startswith("https:")
        if not safe or self._settings.seal == "required":
            return self._retry("keys of sealed values are not sent in the clear; pin the collector")
        return Package(
            signal="keys",
            body=payload,
            content_type=JSON,
            content_encoding="",
            raw_bytes=len(payload),
            batch_id=batch_id,
        )

    def _made(self, make: Callable[[], Package]) -> Package | Outcome:
        try:
            return make()
        except TraceoError as error:
            # A key that expired or cannot be read: a person has to act, and the batch waits for that.
            return self._retry(f"not sealed: {error}")

    def _resolve(self) -> Outcome | None:
        """Find out what the peer is and keep its keys fresh; an outcome when nothing can be sent now."""
        if self.kind == "otlp" or (self.kind == "traceo" and not self._settings.to_collector):
            return None
        keys = self.trust.usable()
        if keys is None:
            return self._look()
        if time.time() > (keys.issued_at_s + keys.expires_at_s) / 2 and time.monotonic() >= self._look_at_s:
            # What we hold is still good, whatever comes of it.
            self._look()
        return None

    def _look(self) -> Outcome | None:
        """Fetch the key set document and decide."""
        self._look_at_s = time.monotonic() + _LOOK_AGAIN_S
        try:
            answer = self._sender.get(self._keys_path)
        except OSError as error:
            return self._unreachable(error)
        self._note_encoding(answer)
        if answer.status == 200 and PublishedKeys.resembles(answer.body):
            return self._believe(answer.body)
        if answer.status in {408, 429} or answer.status >= 500:
            return self._retry(f"it answered {answer.status} when asked for its keys", retry_after_s(answer))
        if not self._settings.to_collector:
            return self._retry("it is no Traceo collector; to seal through it, set TRACEO_SEAL=carrier")
        if self._settings.seal == "required" or self._settings.files or self.trust.established:
            return self._retry("it offers no sealing keys, and nothing may go there unsealed")
        self.kind = "otlp"
        return None

    def _believe(self, document: bytes) -> Outcome | None:
        try:
            self.trust.accept(document)
        except TrustError as error:
            if not self._settings.to_collector:
                self.kind = "traceo"
                return None
            self._distrust = self._retry(f"not sealed to: {error}")
            return self._distrust
        self._distrust = None
        self.kind = "traceo"
        return None

    def _reconsider(self, package: Package, outcome: Outcome) -> Outcome:
        """Turn a refusal into another attempt: the peer has new keys, or no longer takes zstd."""
        if not package.sealed_to:
            if outcome.status == 415 and package.content_encoding == "zstd":
                self.encoding = "gzip"
                return Outcome.retry(outcome.reason, status=415, reseal=True, after_s=0.0)
            return outcome
        if outcome.status not in {400, 409, 415, 422} or self._settings.seal == "carrier":
            return outcome
        if time.monotonic() >= self._doubt_at_s:
            self._doubt_at_s = time.monotonic() + _DOUBT_AGAIN_S
            self._look()
        if self._distrust is not None:
            # A collector with other keys than the trusted ones: kept until a person has decided.
            return self._distrust
        keys = self.trust.usable()
        if not self._settings.to_collector or keys is None or keys.recipient().kid == package.sealed_to:
            return outcome
        return Outcome.retry(outcome.reason, status=outcome.status, reseal=True, after_s=0.0)

    def _note_encoding(self, answer: Response) -> None:
        # Its absence on a single answer (an error page of a proxy in between) takes nothing back.
        if (announced := answer.headers.get("accept-encoding")) is not None:
            self.encoding = preferred(announced)

    def _unreachable(self, error: OSError) -> Outcome:
        if self.kind == "otlp" and self._settings.seal not in {"off", "carrier"}:
            # Whoever answers there next may be someone else.
            self.kind = "unknown"
        return self._retry(explain(error))

    def _retry(self, reason: str, after_s: float | None = None) -> Outcome:
        return Outcome.retry(f"{self.name}: {reason}", after_s=after_s)
