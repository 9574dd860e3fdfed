"""What compressing and sealing add to a batch of spans of eight attributes, next to encoding it.

    python benchmarks/sealing.py

prints two tables: batches of growing size, of which the second row is what the pipeline makes when it is
busy, and single values (policy action `seal`). CPU time, medians.

The cost in bytes is constant, so its share is a matter of batch size: it is at most 3 % of the compressed
batch from about 1 200 spans on. A smaller KEM would be cheaper by 1 088 bytes, and not post-quantum.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import encoder

TITLE = "Sealing a batch of 512 spans (CPU µs a span)"
PEERS = ["traceo"]
ROUNDS = 5
FIGURE = "sealing_us"
COLUMNS = {
    "encoding_us": "encode µs a span",
    "zstd_us": "zstd µs a span",
    "gzip_us": "gzip µs a span",
    "sealing_us": "seal µs a span",
    "x25519_us": "seal (X25519) µs a span",
    "escrow_us": "seal to two µs a span",
    "signed_us": "seal and sign µs a span",
    "opening_us": "open µs a span",
    "batch_us": "seal µs a batch",
    "body_bytes": "bytes a batch",
    "zstd_bytes": "zstd bytes",
    "added_bytes": "added bytes",
    "added_raw": "added % of OTLP",
    "added": "added % of zstd",
}

REPEATS = 60
SIZES = (128, 512, 1024, 1280, 2048, 4096)
VALUES = 20_000


def measure(_peer, _endpoint):
    return _batch(512)


def _batch(size):
    from traceo.exporters.compression import compress
    from traceo.sealing import (
        BatchHeader,
        Kem,
        PrivateKeys,
        RecipientSecret,
        SenderKey,
        default_kem,
        open_batch,
        seal_batch,
    )

    encoder.SPANS = size
    encode, spans = encoder._traceo()
    body = encode(spans)
    compressed = compress(body, "zstd")
    secret, plain = RecipientSecret.generate(default_kem()), RecipientSecret.generate(Kem.X25519)
    escrow, sender = RecipientSecret.generate(default_kem()).recipient(), SenderKey.generate()
    keys = PrivateKeys([secret])

    def seal(*recipients, sender=None):
        header = BatchHeader(
            content_type="application/x-protobuf",
            content_encoding="zstd",
            batch_id=os.urandom(16),
            tenant="",
            signal="traces",
            timestamp_ns=time.time_ns(),
        )
        return seal_batch(compressed, recipients=recipients, header=header, sender=sender)

    recipient, weaker = secret.recipient(), plain.recipient()
    sealed = seal(recipient)
    added = len(sealed) - len(compressed)
    sealing_us = _cpu_us(lambda: seal(recipient))
    return {
        "encoding_us": _cpu_us(lambda: encode(spans)) / size,
        "zstd_us": _cpu_us(lambda: compress(body, "zstd")) / size,
        "gzip_us": _cpu_us(lambda: compress(body, "gzip")) / size,
        "sealing_us": sealing_us / size,
        "x25519_us": _cpu_us(lambda: seal(weaker)) / size,
        "escrow_us": _cpu_us(lambda: seal(recipient, escrow)) / size,
        "signed_us": _cpu_us(lambda: seal(recipient, sender=sender)) / size,
        "opening_us": _cpu_us(lambda: open_batch(sealed, keys)) / size,
        "batch_us": sealing_us,
        "body_bytes": len(body),
        "zstd_bytes": len(compressed),
        "added_bytes": added,
        "added_raw": added / len(body) * 100,
        "added": added / len(compressed) * 100,
    }


def _values():
    """µs a value and bytes a value of what the policy can do with `user.email`."""
    from traceo.sealing import RecipientSecret
    from traceo.sealing.keyring import FieldKeys, encode_rows
    from traceo.sealing.pseudonym import Pseudonyms

    recipient = RecipientSecret.generate().recipient()
    keys, token = FieldKeys(lambda: [recipient]), Pseudonyms(bytes(32))
    value, people = "ada.lovelace@example.com", [token(str(number)) for number in range(500)]

    def seal():
        for number in range(VALUES):
            keys.seal(value.encode(), attribute="user.email", subject=people[number % len(people)])

    def pseudonymise():
        for _ in range(VALUES):
            token(value)

    jwe = keys.seal(value.encode(), attribute="user.email", subject=people[0])
    rows = keys.drain()
    keys.seal(value.encode(), attribute="user.email", subject="another")
    row = len(encode_rows(keys.drain()))
    return [
        ("pseudonymise", _once_us(pseudonymise), len(token(value)) - len(value)),
        ("seal", _once_us(pseudonymise) + _once_us(seal), len(token(value)) - len(value) + len(jwe)),
        ("a person's key, once a day", 0.0, row),
        ("a process's key, once a day", 0.0, len(encode_rows(rows[:1]))),
    ]


def _cpu_us(call):
    """Median CPU time of one call, in µs."""
    samples = []
    for _ in range(REPEATS):
        before = time.thread_time()
        call()
        samples.append(time.thread_time() - before)
    return sorted(samples)[REPEATS // 2] * 1e6


def _once_us(call):
    before = time.thread_time()
    call()
    return (time.thread_time() - before) / VALUES * 1e6


def _print_tables():
    names = ["encoding_us", "zstd_us", "sealing_us", "opening_us", "batch_us", "escrow_us", "signed_us"]
    names += ["body_bytes", "zstd_bytes", "added_bytes", "added_raw", "added"]
    print("| spans | " + " | ".join(COLUMNS[name] for name in names) + " |")
    print("| --- |" + " --- |" * len(names))
    for size in SIZES:
        figures = _batch(size)
        cells = [f"{figures[name]:.2f}" if figures[name] < 100 else f"{figures[name]:,.0f}" for name in names]
        print(f"| {size} | " + " | ".join(cells) + " |")
    print("\n| one value of 24 bytes | µs | bytes added |\n| --- | --- | --- |")
    for what, cost_us, added in _values():
        print(f"| {what} | {f'{cost_us:.1f}' if cost_us else ''} | {added} |")


if __name__ == "__main__":
    _print_tables()
