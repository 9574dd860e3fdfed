"""Sealing: batches only the key holder opens, and the keys for it. Knows nothing of OpenTelemetry."""

from traceo.sealing.batch import (
    CONTENT_TYPE,
    BatchHeader,
    OpenedBatch,
    Signal,
    open_batch,
    peek_header,
    peek_recipients,
    rewrap_batch,
    seal_batch,
)
from traceo.sealing.hpke import Kem, PrivateKeys, RecipientKey, RecipientSecret, default_kem
from traceo.sealing.keyset import EpochKey, KeySet
from traceo.sealing.published import KeyState, PublishedKey, PublishedKeys
from traceo.sealing.signature import SIGNED_CONTENT_TYPE, SenderKey, Senders, sign_batch

__all__ = [
    "CONTENT_TYPE",
    "SIGNED_CONTENT_TYPE",
    "BatchHeader",
    "EpochKey",
    "Kem",
    "KeySet",
    "KeyState",
    "OpenedBatch",
    "PrivateKeys",
    "PublishedKey",
    "PublishedKeys",
    "RecipientKey",
    "RecipientSecret",
    "SenderKey",
    "Senders",
    "Signal",
    "default_kem",
    "open_batch",
    "peek_header",
    "peek_recipients",
    "rewrap_batch",
    "seal_batch",
    "sign_batch",
]
