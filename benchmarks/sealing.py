"""What compressing and sealing add to a batch of 512 spans of eight attributes, next to encoding it.

`sealing_us` is `seal_batch` alone, `added` the bytes it adds to the compressed batch. Also on its own:

    python benchmarks/sealing.py
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
    "opening_us": "open µs a span",
    "body_bytes": "bytes a batch",
    "zstd_bytes": "zstd bytes",
    "sealed_bytes": "sealed bytes",
    "added": "added % of zstd",
    "added_raw": "added % of OTLP",
}

REPEATS = 60


def measure(_peer, _endpoint):
    from traceo.exporters.compression import compress
    from traceo.sealing import (
        BatchHeader,
        Kem,
        PrivateKeys,
        RecipientSecret,
        default_kem,
        open_batch,
        seal_batch,
    )

    encode, spans = encoder._traceo()
    body = encode(spans)
    compressed = compress(body, "zstd")
    secret, plain = RecipientSecret.generate(default_kem()), RecipientSecret.generate(Kem.X25519)
    keys = PrivateKeys([secret])

    def seal(recipient):
        header = BatchHeader(
            content_type="application/x-protobuf",
            content_encoding="zstd",
            batch_id=os.urandom(16),
            tenant="",
            signal="traces",
            timestamp_ns=time.time_ns(),
        )
        return seal_batch(compressed, recipients=[recipient], header=header)

    recipient, weaker = secret.recipient(), plain.recipient()
    sealed = seal(recipient)
    return {
        "encoding_us": _cpu_us(lambda: encode(spans)),
        "zstd_us": _cpu_us(lambda: compress(body, "zstd")),
        "gzip_us": _cpu_us(lambda: compress(body, "gzip")),
        "sealing_us": _cpu_us(lambda: seal(recipient)),
        "x25519_us": _cpu_us(lambda: seal(weaker)),
        "opening_us": _cpu_us(lambda: open_batch(sealed, keys)),
        "body_bytes": len(body),
        "zstd_bytes": len(compressed),
        "sealed_bytes": len(sealed),
        "added": (len(sealed) - len(compressed)) / len(compressed) * 100,
        "added_raw": (len(sealed) - len(compressed)) / len(body) * 100,
    }


def _cpu_us(call):
    """Median CPU time of one call, in µs a span."""
    samples = []
    for _ in range(REPEATS):
        before = time.thread_time()
        call()
        samples.append(time.thread_time() - before)
    return sorted(samples)[REPEATS // 2] * 1e6 / encoder.SPANS


if __name__ == "__main__":
    for name, value in measure(None, None).items():
        print(f"{COLUMNS[name]:>26}  {value:,.3f}")
