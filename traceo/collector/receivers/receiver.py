"""OTLP over HTTP: ``POST /v1/traces``, ``/v1/logs``, ``/v1/metrics``."""

import asyncio
import time
from typing import cast

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.collector import journal
from traceo.collector.batch import Batch, Decoded, Encoding, Media, Signal
from traceo.collector.counters import Counters
from traceo.collector.http import Receive, Scope, Send, respond, respond_problem
from traceo.collector.problems import Problem
from traceo.collector.receivers.carrier import carried, has_other_logs
from traceo.collector.receivers.decompress import TooLargeError, encoding_named
from traceo.collector.receivers.opening import MismatchError, Opener
from traceo.collector.receivers.otlp import answer
from traceo.collector.sealed.foreign import Foreign
from traceo.collector.sealed.intake import KeyIntake
from traceo.collector.settings import Settings
from traceo.collector.store.points import read_points
from traceo.collector.store.rows import whole_span
from traceo.collector.store.store import OverloadedError, Store
from traceo.errors import EncodeError, OpenError
from traceo.sealing import peek_header

__all__ = ["Receiver"]

_SIGNALS = {"/v1/traces": Signal.TRACES, "/v1/logs": Signal.LOGS, "/v1/metrics": Signal.METRICS}
_MEDIA = {
    "application/x-protobuf": Media.PROTOBUF,
    "application/json": Media.JSON,
    "application/cose": Media.COSE,
}
_ANSWERS = {Media.JSON: b"application/json"}  # a sealed batch is answered in protobuf
_ACCEPT = ((b"accept-encoding", b"zstd, gzip"),)  # RFC 7694: what a sender may use next time
_INLINE_BYTES = 128 * 1024  # a larger body is decoded off the event loop
_NOT_OURS = "sealed batches that no key here opens are not stored"
_NO_IDS = "spans without a valid trace id and span id are not stored"


class _GoneError(Exception):
    """The sender hung up; nobody is left to answer."""


class Receiver:
    """Decodes a batch before it answers, and answers when it is on the disk.

    A request that is refused leaves nothing behind but a count.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        opener: Opener,
        foreign: Foreign,
        keys: KeyIntake,
        counters: Counters,
    ) -> None:
        self._settings = settings
        self._store = store
        self._opener = opener
        self._foreign = foreign
        self._keys = keys
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._take(scope, receive, send)
        except Problem as problem:
            self._counters.rejected[problem.reason] += 1
            journal.warning(
                "request refused",
                reason=problem.reason,
                status=problem.status,
                signal=_SIGNALS[scope["path"]].name.lower() if scope["path"] in _SIGNALS else None,
            )
            await respond_problem(send, problem, _ACCEPT)
        except _GoneError:
            self._counters.rejected["disconnected"] += 1

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        signal = _SIGNALS.get(scope["path"])
        if signal is None:
            raise Problem(
                404, "unknown-path", "Not found", "OTLP is served at /v1/traces, /v1/logs and /v1/metrics"
            )
        if scope["method"] != "POST":
            raise Problem(
                405, "method", "Method not allowed", "send OTLP with POST", headers=((b"allow", b"POST"),)
            )
        headers: dict[bytes, bytes] = dict(scope["headers"])
        media = _media(headers)
        encoding = _encoding(headers)
        body = await self._body(headers, receive)
        batch = Batch(signal, media, encoding, time.time_ns(), body)
        decoded = await self._open_or_keep(batch)
        self._counters.requests[signal.name.lower()] += 1
        self._counters.received_bytes += len(body)
        if decoded is None:
            content = answer(signal, media)
        elif inside := carried(decoded.request):
            content = await self._unpack(batch, decoded, inside)
        else:
            content = await self._keep(batch, decoded)
        await respond(send, 200, _ANSWERS.get(media, b"application/x-protobuf"), content, _ACCEPT)

    async def _keep(self, batch: Batch, decoded: Decoded) -> bytes:
        """Store what a batch holds; the answer."""
        if isinstance(decoded.request, ExportMetricsServiceRequest):
            return await self._keep_metrics(batch, decoded, decoded.request)
        await self._store_batch(batch, decoded)
        self._counters.sender_drops.note(decoded.request)
        rejected = _broken_spans(decoded)
        self._counters.rejected_spans += rejected
        return answer(batch.signal, batch.media, rejected=rejected, why=_NO_IDS if rejected else "")

    async def _keep_metrics(
        self, batch: Batch, decoded: Decoded, request: ExportMetricsServiceRequest
    ) -> bytes:
        # read here, not by the writer: what is rejected has to be in the answer, and twice would cost twice
        if decoded.size > _INLINE_BYTES:
            points = await asyncio.to_thread(read_points, request)
        else:
            points = read_points(request)
        await self._store_batch(batch, msgspec.structs.replace(decoded, request=points))
        self._counters.sender_drops.note(request)
        rejected = points.rejected.total()
        self._counters.rejected_points += rejected
        return answer(batch.signal, batch.media, rejected=rejected, why=points.complaint())

    async def _unpack(self, outer: Batch, decoded: Decoded, inside: list[bytes]) -> bytes:
        """Store the sealed batches inside log records, and the other log records; the answer.

        One that is refused does not hold up the others: an OpenTelemetry Collector in between would repeat,
        or drop, them all.
        """
        refused = 0
        for sealed in inside:
            try:
                await self._take_carried(sealed, outer.received_ns)
            except Problem as problem:
                if problem.status >= 500:
                    raise
                self._counters.rejected[problem.reason] += 1
                journal.warning("carrier refused", reason=problem.reason)
                refused += 1
        if has_other_logs(cast("ExportLogsServiceRequest", decoded.request)):
            await self._store_batch(outer, decoded)
        return answer(outer.signal, outer.media, rejected=refused, why=_NOT_OURS if refused else "")

    async def _take_carried(self, sealed: bytes, received_ns: int) -> None:
        try:
            header = peek_header(sealed)
            if header.signal == "keys":
                await self._keys.take(sealed)
                return
        except OpenError as error:
            raise _unopenable() from error
        batch = Batch(Signal[header.signal.upper()], Media.COSE, Encoding.IDENTITY, received_ns, sealed)
        decoded = await self._open_or_keep(batch)
        if decoded is not None:
            await self._keep(batch, decoded)

    async def _open_or_keep(self, batch: Batch) -> Decoded | None:
        """What a batch holds; None when it is a team's, and kept for it."""
        try:
            return await self._open(batch)
        except OpenError as error:
            try:
                sealed = self._opener.sealed(batch)
                if not await asyncio.to_thread(self._foreign.keep, sealed, batch):
                    self._store.duplicates += 1
            except OpenError:
                raise _unopenable() from error
            except OverloadedError as full:
                raise _overloaded(full) from full
            return None

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        limit = self._settings.body_bytes
        if int(headers.get(b"content-length", b"0")) > limit:  # the HTTP parser lets digits through only
            raise _too_large(f"the body is larger than {limit} bytes")
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            part = cast("bytes", message.get("body", b""))
            size += len(part)
            if size > limit:
                raise _too_large(f"the body is larger than {limit} bytes")
            parts.append(part)
            more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _open(self, batch: Batch) -> Decoded:
        try:
            if len(batch.body) > _INLINE_BYTES:
                return await asyncio.to_thread(self._opener.open, batch)
            return self._opener.open(batch)
        except TooLargeError as error:
            raise _too_large(str(error)) from error
        except MismatchError as error:
            raise Problem(
                400, "sealed-header-mismatch", "The sealed batch is not for here", str(error)
            ) from error
        except EncodeError as error:
            raise Problem(400, "malformed", "The body cannot be read", str(error)) from error

    async def _store_batch(self, batch: Batch, decoded: Decoded) -> None:
        if decoded.batch_id:
            batch = msgspec.structs.replace(batch, batch_id=decoded.batch_id)
        try:
            await self._store.accept(batch, decoded)
        except OverloadedError as error:
            raise _overloaded(error) from error


def _media(headers: dict[bytes, bytes]) -> Media:
    content_type = headers.get(b"content-type", b"").decode("latin-1").lower()
    name, _, parameters = content_type.partition(";")
    media = _MEDIA.get(name.strip())
    if media is None or (
        media is Media.COSE
        and "cose-type" in parameters
        and not any(kind in parameters for kind in ("cose-encrypt", "cose-sign1"))
    ):
        raise Problem(
            415,
            "content-type",
            "Unsupported media type",
            'send application/x-protobuf, application/json, or application/cose; cose-type="cose-encrypt"',
        )
    return media


def _encoding(headers: dict[bytes, bytes]) -> Encoding:
    encoding = encoding_named(headers.get(b"content-encoding", b"").decode("latin-1"))
    if encoding is None:
        raise Problem(
            415, "content-encoding", "Unsupported content encoding", "send zstd, gzip or no encoding"
        )
    return encoding


def _overloaded(error: OverloadedError) -> Problem:
    return Problem(
        503,
        "overloaded",
        "The collector cannot take more now",
        str(error),
        headers=((b"retry-after", b"1"),),
    )


def _unopenable() -> Problem:
    return Problem(
        400,
        "sealed-batch-unopenable",
        "The sealed batch does not open",
        "no key here opens the batch, or it was changed on the way; fetch /api/traceo/keys again",
    )


def _too_large(detail: str) -> Problem:
    return Problem(
        413,
        "too-large",
        "The message is too large",
        f"{detail}; send smaller batches",
        headers=((b"connection", b"close"),),
    )


def _broken_spans(decoded: Decoded) -> int:
    request = decoded.request
    if not isinstance(request, ExportTraceServiceRequest):
        return 0
    return sum(
        not whole_span(span)
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    )
