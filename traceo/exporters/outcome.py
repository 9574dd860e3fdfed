"""What comes of sending a batch, and what a batch looks like when it is ready to send."""

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Outcome", "Package", "SealMode", "Signal"]

# "keys": wrapped keys of sealed values, for the collector's key table.
Signal: TypeAlias = Literal["traces", "logs", "metrics", "keys"]
SealMode: TypeAlias = Literal["auto", "required", "off", "carrier"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one attempt to deliver.

    `accepted`: the peer has it; `rejected` of its items were refused for the reason in `message` (OTLP
    partial success; a `message` with 0 rejected is a warning). `retry`: keep the batch and try again, not
    before `after_s` seconds when given; with `reseal` the payload has to be packaged again first. `refused`:
    sending the same bytes again is pointless; `status` 413 means that smaller batches may pass.
    """

    kind: Literal["accepted", "retry", "refused"]
    reason: str = ""
    after_s: float | None = None
    reseal: bool = False
    status: int = 0
    rejected: int = 0
    message: str = ""

    @classmethod
    def accepted(cls, *, rejected: int = 0, message: str = "") -> "Outcome":
        """The peer has the batch."""
        return cls(kind="accepted", status=200, rejected=rejected, message=message)

    @classmethod
    def retry(
        cls, reason: str, *, after_s: float | None = None, status: int = 0, reseal: bool = False
    ) -> "Outcome":
        """Keep the batch and try again."""
        return cls(kind="retry", reason=reason, after_s=after_s, status=status, reseal=reseal)

    @classmethod
    def refused(cls, reason: str, *, status: int = 0) -> "Outcome":
        """The peer will never take these bytes."""
        return cls(kind="refused", reason=reason, status=status)


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it goes over the wire. `raw_bytes` is the size of the OTLP message before compression.

    `sealed_to` is the id of the key the body is sealed to, empty for plain OTLP.
    """

    signal: Signal
    body: bytes
    content_type: str
    content_encoding: str
    raw_bytes: int
    batch_id: bytes
    sealed_to: bytes = b""
