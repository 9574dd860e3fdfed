"""A second corpus, built another way: lines as other programs write them, and values in other surroundings.

Redaction is not tuned to these lines: what fails here is mended in general or stays in the table.
"""

# ruff: noqa: RUF001  full-width signs are what some languages write
import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator

from corpus import core
from planted import IDS, SECRETS

__all__ = ["bare_numbers", "clean", "planted_ids", "planted_secrets"]

_B32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WORDS = [
    "billing", "ledger", "parcel", "refund", "basket", "voucher", "tariff", "gateway", "scheduler", "indexer", "mailer",
    "reporter", "router", "profile", "catalogue", "inventory", "checkout", "fulfilment", "returns", "pricing", "loyalty",
    "media", "search", "auth", "audit",
]  # fmt: skip
_FILES = ("app.py", "OrderService.java", "index.ts", "main.go", "cart.rb", "Kernel.php", "lib.rs", "views.py")


class _Fill:
    """Random parts of log lines, each called as ``{f.name}`` in a template."""

    def __init__(self, r: random.Random) -> None:
        self.r = r

    def __getattr__(self, name: str) -> object:
        return _PARTS[name](self.r)


def _hex(n: int) -> Callable[[random.Random], str]:
    return lambda r: f"{r.getrandbits(4 * n):0{n}x}"


def _digits(n: int) -> Callable[[random.Random], str]:
    return lambda r: str(r.randint(1, 9)) + "".join(r.choice(string.digits) for _ in range(n - 1))


def _pick(alphabet: str, n: int) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choice(alphabet) for _ in range(n))


def _ean(r: random.Random, prefix: str = "") -> str:
    body = prefix + "".join(r.choice(string.digits) for _ in range(12 - len(prefix)))
    return body + str((10 - sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(body)) % 10) % 10)


def _isbn(r: random.Random) -> str:
    text = _ean(r, "978")
    return text if r.random() < 0.5 else f"{text[:3]}-{text[3]}-{text[4:8]}-{text[8:12]}-{text[12]}"


_PARTS: dict[str, Callable[[random.Random], object]] = {
    "w": lambda r: r.choice(_WORDS), "W": lambda r: r.choice(_WORDS).title(), "x": lambda r: r.choice(_WORDS),
    "file": lambda r: r.choice(_FILES), "n": lambda r: r.randint(0, 9999), "k": lambda r: r.randint(1, 99),
    "big": lambda r: r.randint(10**6, 10**12), "port": lambda r: r.randint(1024, 65535), "pid": lambda r: r.randint(2, 99999),
    "ms": lambda r: f"{r.random() * 800:.3f}", "s": lambda r: f"{r.random() * 9:.6f}", "pct": lambda r: f"{r.random() * 100:.1f}",
    "price": lambda r: f"{r.randint(0, 9999)}.{r.randint(0, 99):02d}", "code": lambda r: r.choice([200, 201, 204, 301, 404, 422, 500, 503]),
    "ip": lambda r: f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}", "ip2": lambda r: f"192.168.{r.randint(0, 255)}.{r.randint(1, 254)}",
    "h8": _hex(8), "h12": _hex(12), "h16": _hex(16), "h32": _hex(32), "h40": _hex(40), "h64": _hex(64), "h7": _hex(7),
    "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4)), "ulid": lambda r: "01" + _pick(_B32, 24)(r),
    "nano": _pick(string.ascii_letters + string.digits + "_-", 21), "ksuid": _pick(string.ascii_letters + string.digits, 27),
    "oid": _hex(24), "b64": lambda r: base64.b64encode(r.randbytes(r.randint(24, 90))).decode(),
    "b64u": lambda r: base64.urlsafe_b64encode(r.randbytes(33)).decode(), "md5": _hex(32), "sri": lambda r: "sha512-" + base64.b64encode(r.randbytes(64)).decode(),
    "v": lambda r: f"{r.randint(0, 20)}.{r.randint(0, 40)}.{r.randint(0, 12)}", "v4": lambda r: f"{r.randint(1, 12)}.{r.randint(0, 9)}.{r.randint(0, 9)}.{r.randint(0, 3000)}",
    "epoch": lambda r: 1_700_000_000 + r.randint(0, 10**8), "epochms": lambda r: 1_700_000_000_000 + r.randint(0, 10**11),
    "epochus": lambda r: 1_700_000_000_000_000 + r.randint(0, 10**14), "epochns": lambda r: 1_700_000_000_000_000_000 + r.randint(0, 10**17),
    "day": lambda r: f"2026-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}", "clock": lambda r: f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d}",
    "iso": lambda r: f"2026-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}T{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d}.{r.randint(0, 999999):06d}Z",
    "clf": lambda r: f"{r.randint(1, 28):02d}/Nov/2026:{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d} +0{r.randint(0, 9)}00",
    "lat": lambda r: f"{r.uniform(-90, 90):.6f}", "lon": lambda r: f"{r.uniform(-180, 180):.6f}", "isbn": _isbn,
    "order": lambda r: f"ORD-2026-{r.randint(0, 999999):06d}", "order2": lambda r: f"{r.randint(100, 999)}-{r.randint(10**6, 10**7 - 1)}-{r.randint(10**6, 10**7 - 1)}",
    "ups": lambda r: "1Z" + _pick(string.ascii_uppercase + string.digits, 16)(r), "track": _digits(12), "dhl": _digits(10), "ean": _ean,
    "sku": lambda r: f"{_pick(string.ascii_uppercase, 3)(r)}-{r.randint(100, 99999)}", "d7": _digits(7), "d8": _digits(8), "d9": _digits(9), "d10": _digits(10), "d11": _digits(11), "d12": _digits(12),
    "snow": lambda r: r.randint(10**17, 10**18 - 1), "big19": lambda r: r.randint(10**18, 9 * 10**18), "ptr": lambda r: f"0x{r.getrandbits(48):016x}",
    "mac": lambda r: ":".join(f"{r.getrandbits(8):02x}" for _ in range(6)), "float": lambda r: f"{r.random():.17g}", "sci": lambda r: f"{r.random():.6e}",
    "region": lambda r: r.choice(["eu-west-1", "us-east-2", "ap-south-1", "europe-west4"]), "acct": _digits(12),
}  # fmt: skip

_TEMPLATES = r"""
{f.ip} - - [{f.clf}] "GET /{f.w}/{f.n}?page={f.k} HTTP/1.1" {f.code} {f.n} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:{f.k}.0) Gecko/20100101 Firefox/{f.k}.0"
{f.ip} - - [{f.clf}] "POST /api/{f.w} HTTP/2.0" {f.code} {f.n} "https://{f.w}.example.com/" "okhttp/{f.v}" rt={f.s} uct="{f.s}" urt="{f.s}"
{f.day} {f.clock} [error] {f.pid}#{f.pid}: *{f.big} upstream timed out (110: Connection timed out) while reading response header from upstream, client: {f.ip}, server: {f.w}.internal
[{f.clf}] [proxy:error] [pid {f.pid}:tid {f.big}] [client {f.ip}:{f.port}] AH01114: HTTP: failed to make connection to backend: {f.ip2}
::1 - - [{f.clf}] "OPTIONS * HTTP/1.0" 200 126 "-" "Apache/{f.v} (Unix) OpenSSL/1.1.1k (internal dummy connection)"
ts={f.iso} level=info caller={f.file}:{f.n} component={f.w} msg="request complete" status={f.code} dur={f.ms}ms trace={f.h32}
time="{f.iso}" level=warning msg="Retrying in {f.k}s" attempt={f.k} error="dial tcp {f.ip}:{f.port}: connect: connection refused"
at=info method=GET path="/{f.w}/{f.n}" host={f.w}.herokuapp.com request_id={f.uuid} fwd="{f.ip}" dyno=web.{f.k} connect=0ms service={f.k}ms status={f.code} bytes={f.n}
Nov {f.k} {f.clock} node-{f.k} systemd[1]: Started {f.w}.service - {f.W} daemon.
Nov {f.k} {f.clock} node-{f.k} kernel: [{f.n}.{f.big}] {f.w}[{f.pid}]: segfault at {f.ptr} ip {f.ptr} sp {f.ptr} error 4 in libc.so.6[{f.h12}+1c0000]
Nov {f.k} {f.clock} node-{f.k} sshd[{f.pid}]: Connection closed by {f.ip} port {f.port} [preauth]
Nov {f.k} {f.clock} node-{f.k} kubelet[{f.pid}]: I1124 {f.clock}.{f.big} {f.pid} reconciler_common.go:{f.n}] "operationExecutor.VerifyControllerAttachedVolume started for volume \"kube-api-access-{f.h7}\" (UniqueName: \"kubernetes.io/projected/{f.uuid}-kube-api-access-{f.h7}\") pod \"{f.w}-{f.h8}-{f.h7}\" (UID: \"{f.uuid}\")"
java.lang.IllegalStateException: {f.W} {f.n} is closed\n\tat com.acme.{f.w}.{f.W}Service.run({f.W}Service.java:{f.n})\n\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:{f.n})\n\tat java.base/java.lang.Thread.run(Thread.java:{f.n})\nCaused by: java.net.SocketTimeoutException: Read timed out\n\t... {f.k} more
{f.day} {f.clock}.{f.k} INFO  [http-nio-8080-exec-{f.k}] c.a.{f.w}.{f.W}Controller : Loaded {f.n} rows in {f.k} ms [traceId={f.h32}, spanId={f.h16}]
{f.day} {f.clock}.{f.k}  WARN {f.pid} --- [{f.w}] [nio-8080-exec-{f.k}] o.h.engine.jdbc.spi.SqlExceptionHelper : SQL Error: 0, SQLState: 40P01
Exception in thread "main" java.lang.NoSuchMethodError: 'void com.acme.{f.W}.<init>(java.lang.String, int)' (loaded from file:/opt/{f.w}-{f.v}.jar by jdk.internal.loader.ClassLoaders$AppClassLoader@{f.h8})
goroutine {f.n} [running]:\nmain.(*{f.W}).Handle(0xc{f.h12}, {{0x{f.h8}, 0x5}})\n\t/go/src/{f.w}/main.go:{f.n} +0x{f.h7}\nexit status 2
{{"level":"info","ts":{f.epoch}.{f.n},"caller":"{f.w}/{f.file}:{f.n}","msg":"{f.w} synced","count":{f.n},"elapsed":{f.s}}}
{{"level":"error","ts":"{f.iso}","logger":"{f.w}","msg":"reconcile failed","controller":"{f.w}","name":"{f.w}-{f.h8}","namespace":"prod","reconcileID":"{f.uuid}","error":"conflict"}}
{{"severity":"INFO","timestamp":"{f.iso}","logging.googleapis.com/trace":"projects/acme-{f.n}/traces/{f.h32}","logging.googleapis.com/spanId":"{f.h16}","message":"{f.w} ok","httpRequest":{{"requestMethod":"GET","status":{f.code},"latency":"{f.s}s","responseSize":"{f.n}"}}}}
{{"insertId":"{f.h12}","jsonPayload":{{"message":"{f.w}","count":{f.n}}},"resource":{{"type":"gce_instance","labels":{{"instance_id":"{f.big19}","zone":"{f.region}-a","project_id":"acme-{f.n}"}}}},"receiveTimestamp":"{f.iso}"}}
{{"eventVersion":"1.09","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"{f.region}","requestID":"{f.ulid}","eventID":"{f.uuid}","recipientAccountId":"{f.acct}","eventCategory":"Data"}}
START RequestId: {f.uuid} Version: $LATEST
REPORT RequestId: {f.uuid}\tDuration: {f.ms} ms\tBilled Duration: {f.k} ms\tMemory Size: 512 MB\tMax Memory Used: {f.k} MB\tXRAY TraceId: 1-{f.h8}-{f.h12}{f.h12}\tSegmentId: {f.h16}\tSampled: true
arn:aws:iam::{f.acct}:role/{f.w}-{f.x} assumed by arn:aws:sts::{f.acct}:assumed-role/{f.w}/i-0{f.h16}
arn:aws:elasticloadbalancing:{f.region}:{f.acct}:loadbalancer/app/{f.w}/{f.h16} target group {f.w} healthy={f.k}
{f.acct}.dkr.ecr.{f.region}.amazonaws.com/{f.w}:{f.h7}
2 {f.acct} eni-0{f.h16} {f.ip} {f.ip2} {f.port} 443 6 {f.k} {f.n} {f.epoch} {f.epoch} ACCEPT OK
{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{f.uuid}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/prod/pods/{f.w}-{f.h8}","verb":"get","objectRef":{{"resource":"pods","namespace":"prod","name":"{f.w}-{f.h8}","apiVersion":"v1"}}}}
E1124 {f.clock}.{f.big}       1 leaderelection.go:{f.n}] error retrieving resource lock kube-system/{f.w}: Get "https://{f.ip}:443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{f.w}?timeout=5s": context deadline exceeded
Successfully pulled image "registry.example.com/{f.w}@sha256:{f.h64}" in {f.s}s ({f.s}s including waiting). Image size: {f.big} bytes.
Started GET "/{f.w}/{f.n}" for 127.0.0.1 at {f.day} {f.clock} +0000
Completed {f.code} OK in {f.k}ms (Views: {f.ms}ms | ActiveRecord: {f.ms}ms (2 queries, 0 cached) | GC: {f.ms}ms)
  {f.W} Load ({f.ms}ms)  SELECT "{f.w}s".* FROM "{f.w}s" WHERE "{f.w}s"."id" = $1 LIMIT $2
[{f.uuid}] Processing by {f.W}Controller#show as JSON
[ActiveJob] [{f.W}Job] [{f.uuid}] Performed {f.W}Job (Job ID: {f.uuid}) from Sidekiq(default) in {f.ms}ms
[{f.day} {f.clock}] production.ERROR: Undefined array key "{f.w}" {{"exception":"[object] (ErrorException(code: 0): Undefined array key \"{f.w}\" at /var/www/app/{f.file}:{f.n})\n[stacktrace]\n#0 /var/www/vendor/laravel/framework/src/Illuminate/Pipeline/Pipeline.php({f.n}): handle()"}}
[{f.day} {f.clock}] local.INFO: {f.W} job {f.uuid} released back to queue after {f.k} seconds
{f.day} {f.clock}.{f.k} UTC [{f.pid}] LOG:  checkpoint complete: wrote {f.n} buffers ({f.pct}%); 0 WAL file(s) added, 0 removed, {f.k} recycled; write={f.ms} s, sync={f.s} s, total={f.ms} s; distance={f.n} kB, estimate={f.n} kB; lsn={f.k}/{f.h8}, redo lsn={f.k}/{f.h8}
{f.day} {f.clock} UTC [{f.pid}]: [{f.k}-1] user=app,db=shop,app=[unknown],client={f.ip} LOG:  duration: {f.ms} ms  execute <unnamed>: SELECT count(*) FROM {f.w}s WHERE state = $1
automatic vacuum of table "shop.public.{f.w}s": index scans: 1 pages: 0 removed, {f.n} remain, tuples: {f.n} removed, {f.big} remain
process {f.pid} still waiting for ShareLock on transaction {f.big} after 1000.{f.k} ms
{f.pid}:M {f.k} Nov 2026 {f.clock}.{f.k} * Background saving terminated with success
{f.pid}:C {f.k} Nov 2026 {f.clock}.{f.k} # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo version={f.v}, bits=64, commit={f.h8}, modified=0, pid={f.pid}, just started
MOVED {f.n} {f.ip}:6379
[{f.day} {f.clock},{f.k}] INFO [GroupCoordinator {f.k}]: Preparing to rebalance group {f.w} in state PreparingRebalance with old generation {f.k} (__consumer_offsets-{f.k}) (reason: Adding new member consumer-{f.w}-1-{f.uuid}) (kafka.coordinator.group.GroupCoordinator)
[Producer clientId={f.w}-{f.k}, transactionalId={f.w}-tx] ProducerId set to {f.n} with epoch {f.k}
[Consumer clientId=consumer-{f.w}-1, groupId={f.w}] Resetting offset for partition {f.w}-{f.k} to position FetchPosition{{offset={f.big}, offsetEpoch=Optional.empty, currentLeader=LeaderAndEpoch{{leader=Optional[{f.ip}:9092 (id: {f.k} rack: null)], epoch={f.k}}}}}.
aws_instance.{f.w}: Creation complete after {f.k}s [id=i-0{f.h16}]
Plan: {f.k} to add, {f.k} to change, 0 to destroy.
  # module.{f.w}.aws_lb.main will be updated in-place\n  ~ resource "aws_lb" "main" {{\n        id   = "arn:aws:elasticloadbalancing:{f.region}:{f.acct}:loadbalancer/app/{f.w}/{f.h16}"\n        name = "{f.w}"\n      ~ idle_timeout = 60 -> {f.k}
azurerm_{f.w}.main: Refreshing state... [id=/subscriptions/{f.uuid}/resourceGroups/{f.w}/providers/Microsoft.Web/sites/{f.w}]
Collecting {f.w}=={f.v}\n  Downloading {f.w}-{f.v}-cp311-cp311-manylinux_2_17_x86_64.whl ({f.pct} kB)\nSuccessfully installed {f.w}-{f.v} {f.x}-{f.v}
Requirement already satisfied: {f.w}>={f.v} in ./venv/lib/python3.11/site-packages (from {f.x}=={f.v}) ({f.v})
npm warn deprecated {f.w}@{f.v}: this version is no longer supported\nadded {f.n} packages, and audited {f.n} packages in {f.k}s
    "node_modules/{f.w}": {{"version": "{f.v}", "integrity": "{f.sri}", "engines": {{"node": ">=18"}}}}
{f.w} --hash=sha256:{f.h64} \
commit {f.h40}\nDate:   Tue Nov 24 {f.clock} 2026 +0100\n\n    Fix {f.w} rounding (#{f.n})
From {f.h7}..{f.h7}  main -> origin/main
 {f.k} files changed, {f.n} insertions(+), {f.n} deletions(-)
index {f.h7}..{f.h7} 100644\n--- a/{f.w}/{f.file}\n+++ b/{f.w}/{f.file}\n@@ -{f.n},{f.k} +{f.n},{f.k} @@ def {f.w}():
blob {f.b64}
payload={f.b64} size={f.n}
etag "{f.b64u}" matched
{f.uuid}
{f.ulid}
{f.oid}
{f.ksuid} {f.nano}
id={f.nano} parent={f.ulid} run={f.ksuid}
md5 {f.md5} sha1 {f.h40} sha256 {f.h64}
crc32={f.h8} adler={f.h8} size={f.big}
x-amzn-trace-id: Root=1-{f.h8}-{f.h12}{f.h12};Parent={f.h16};Sampled=1
traceparent: 00-{f.h32}-{f.h16}-01
b3={f.h32}-{f.h16}-1
cf-ray: {f.h16}-FRA cf-cache-status: HIT age: {f.n}
x-request-id: {f.uuid}, x-envoy-upstream-service-time: {f.k}, via: 1.1 google, server: envoy
upgraded {f.w} from {f.v} to {f.v} (build {f.v4})
Chrome/{f.v4} Safari/537.36 Edg/{f.v4}
Windows 10.0.19045.{f.n}, .NET {f.v}, kernel {f.v}-{f.k}-generic
tile z={f.k} x={f.n} y={f.n} bbox {f.k}.{f.n},{f.k}.{f.n}
price {f.price} EUR, vat {f.price}, total {f.price}; rate {f.float}
amount=USD {f.price} fee={f.price} fx=1.{f.n}
p50 {f.ms} p90 {f.ms} p99 {f.ms} max {f.ms} n={f.big}
loss={f.sci} lr={f.sci} step {f.big} tokens/s {f.ms}
epoch {f.epoch} ms {f.epochms} us {f.epochus} ns {f.epochns}
expires_at={f.epoch} iat={f.epoch} nbf={f.epoch}
created {f.epochms}, updated {f.epochms}
startTimeUnixNano={f.epochns} endTimeUnixNano={f.epochns}
duration {f.epochus}ns since {f.epochns}
order {f.order} shipped, tracking {f.ups}
order {f.order2} packed in {f.k} boxes
tracking number {f.track} is in transit
parcel {f.dhl} scanned at depot {f.k}
ISBN {f.isbn} restocked, ean {f.ean}, sku {f.sku}
gtin={f.ean} mpn={f.sku} qty={f.k}
invoice INV{f.d9} due {f.day}
ticket #{f.d9} moved to {f.w}
case {f.d10} closed
job {f.d11} finished with exit code 0
document {f.d12} indexed in shard {f.k}
message {f.snow} acknowledged by consumer {f.k}
tweet {f.big19} cached
offset {f.d10} committed for {f.w}-{f.k}
thread {f.d12} acquired lock {f.ptr}
inode {f.d9} links {f.k} size {f.d10}
bytes_in={f.d11} bytes_out={f.d10} conns={f.n}
GET /v1/{f.w}/{f.d9}/items/{f.d10} 200
/{f.w}/{f.uuid}/{f.x}/{f.d12}?limit={f.k}&offset={f.n}
https://cdn.example.com/{f.w}/{f.h40}/{f.file}?v={f.v}
s3://{f.w}-{f.region}/year=2026/month=11/day={f.k}/part-{f.k}-{f.uuid}.c000.snappy.parquet
gs://acme-{f.w}/{f.day}/{f.epochms}-{f.h8}.json.gz
postgresql://db-{f.k}.internal:5432/{f.w}?sslmode=require
amqp://{f.ip}:5672/%2F heartbeat missed
mongodb://mongo-{f.k}.svc:27017,mongo-{f.k}.svc:27017/{f.w}?replicaSet=rs0
link/ether {f.mac} brd ff:ff:ff:ff:ff:ff
gpu 0: {f.k}C, {f.k}W / 300W | {f.n}MiB / 81559MiB | {f.pct}%
{{"{f.w}": {{"name": "{f.x}", "count": {f.n}, "tags": ["{f.w}", "{f.x}"]}}, "took": {f.k}, "_shards": {{"total": 5, "successful": 5}}}}
{{"_index":"{f.w}-2026.11.{f.k}","_id":"{f.nano}","_score":{f.float},"_source":{{"@timestamp":"{f.iso}","count":{f.n}}}}}
{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[[[{f.lon},{f.lat}],[{f.lon},{f.lat}]]]}},"properties":{{"name":"{f.W}"}}}}
[{f.big},{f.n},{f.epochms},null,"{f.w}",true]
{f.day},{f.clock},{f.w},{f.n},{f.ms},{f.d9},OK
{f.sku};{f.n};{f.price};{f.ean};{f.w}
# HELP {f.w}_seconds Time\n# TYPE {f.w}_seconds histogram\n{f.w}_seconds_bucket{{le="0.5"}} {f.n}\n{f.w}_seconds_sum {f.ms}
{f.w}.{f.x}.count:{f.n}|c|@0.1|#env:prod,host:web-{f.k}
AssertionError: expected {f.n} to equal {f.n}\n    at Object.<anonymous> (/app/test/{f.w}.test.js:{f.k}:{f.k})\n    at processTicksAndRejections (node:internal/process/task_queues:95:5)
TypeError: Cannot read properties of undefined (reading '{f.w}')\n    at {f.W}Service.find (/app/dist/main.js:{f.n}:{f.k})
thread 'tokio-runtime-worker' panicked at src/{f.w}.rs:{f.n}:{f.k}:\ncalled `Result::unwrap()` on an `Err` value: Elapsed(())
panic: runtime error: index out of range [{f.k}] with length {f.k}
System.InvalidOperationException: Sequence contains no elements\n   at System.Linq.ThrowHelper.ThrowNoElementsException()\n   at Acme.{f.W}.{f.W}Handler.Handle({f.W}Command command) in /src/{f.W}.cs:line {f.n}
KeyError: '{f.w}'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "/app/{f.w}.py", line {f.n}, in <module>\n    raise {f.W}Error(key={f.w}_key, token=next_token)
django.db.utils.OperationalError: could not translate host name "db-{f.k}" to address: Name or service not known
pydantic_core._pydantic_core.ValidationError: 1 validation error for {f.W}\nprice\n  Input should be a valid number [type=float_type, input_type=str]
sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow {f.k} reached, connection timed out, timeout 30.00
botocore.exceptions.ClientError: An error occurred (ThrottlingException) when calling the PutItem operation (reached max retries: 4): Rate exceeded
requests.exceptions.ConnectionError: HTTPConnectionPool(host='{f.w}', port={f.port}): Max retries exceeded with url: /{f.x} (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f{f.h8}50>: Failed to establish a new connection: [Errno 111] Connection refused'))
<{f.W} object at 0x7f{f.h8}d0> <Future pending cb=[_chain_future.<locals>._call_set_state() at /usr/lib/python3.11/asyncio/futures.py:{f.n}]>
cache key user:{f.n}:cart:v{f.k} expired after {f.k}s
rate limit: {f.n} of {f.n} calls left, resets at {f.epoch}
session affinity enabled for {f.w}; token bucket refilled ({f.k} tokens)
password policy updated: min length {f.k}; api key rotation every {f.k} days
auth: no credentials provided for {f.w}; login page rendered in {f.ms} ms
email queue drained: {f.n} messages in {f.s}s, phone verification skipped
called {f.w} {f.n} times; call took {f.ms} ms; contact form rendered; office {f.k} open
ring buffer of {f.d7} bytes full, {f.d8} dropped
registered {f.d7} metrics in {f.ms} ms
mobile build {f.d8} uploaded; office hours report {f.d9} ready
home directory quota {f.d8} of {f.d9} blocks
cell {f.d7} of grid {f.d8} recomputed
sms queue size {f.d7}, oldest {f.epoch}
calling {f.w} with batch {f.d8} (took {f.d7} ns)
contact sync cursor {f.d10}
dialed backend {f.w} after {f.d7} us; desk booking {f.d8} confirmed
fax gateway: {f.d7} bytes sent in {f.ms} ms
account {f.d9} balance {f.price}; bank holiday calendar {f.d8} loaded
card layout {f.d8} rendered; credit note {f.d9} issued; debit run {f.d8}
patient queue depth {f.d7}; provider {f.w} latency {f.d7} ns
tax report {f.d9}; document {f.d11} signed; kyc batch {f.d12} started
pan gesture {f.d8}; uid {f.d7} gid {f.d7}
from {f.v4} to {f.v4} via upgrade path
{f.w}-{f.v4}.tar.gz unpacked; peer {f.w} speaks protocol {f.v4}
account_id={f.acct} user_id={f.d9} session_count={f.k} tenant={f.d10}
customer_id={f.d9} order_id={f.d10} payment_id=pay_{f.ksuid}
userId={f.d11} cartId={f.d12} deviceId={f.uuid}
user {f.d9} logged in, profile {f.d10} loaded in {f.ms} ms
card_id=card_{f.nano} last_sync={f.epochms}
phone_id={f.d7} model=Pixel-{f.k} os={f.v}
contactId={f.d8} addressId={f.d9} emailId={f.d10}
Die Bestellung {f.d9} wurde in {f.k} Paketen verschickt
La commande n° {f.d10} a été expédiée le {f.day}
El pedido {f.d9} tarda {f.k} días; total {f.price} €
注文 {f.d10} を処理しました（{f.k} 件、{f.price} 円）
订单 {f.d10} 已处理，用时 {f.ms} 毫秒
Pedido {f.d9} enviado, código {f.sku}, valor R$ {f.price}
заказ {f.d10} обработан за {f.ms} мс
""".strip().splitlines()


def clean(seed: int, count: int) -> Iterator[str]:
    """``count`` strings that hold nothing to redact."""
    r = random.Random(seed)
    for _ in range(count):
        yield r.choice(_TEMPLATES).format(f=_Fill(r)).replace("\\n", "\n").replace("\\t", "\t")


# What each type is called where, and how it stands there: {v} is the value, {w} a word for it.
_NAMES: dict[str, tuple[str, ...]] = {
    "EMAIL": ("E-Mail", "correo", "courriel", "邮箱", "email addr"), "PHONE": ("Telefon", "teléfono", "电话", "mobile", "tel"),
    "CREDIT_CARD": ("Kreditkarte", "tarjeta", "carte", "信用卡", "card"), "IBAN": ("IBAN", "Konto", "compte", "iban", "cuenta"),
    "IP": ("client", "from", "remote", "visitor", "peer"), "US_SSN": ("SSN", "social security number", "ssn", "Social Security", "SSN#"),
    "IN_AADHAAR": ("Aadhaar", "आधार", "aadhaar no", "UID", "Aadhaar card"), "IN_PAN": ("PAN", "पैन", "pan card", "PAN no.", "permanent account number"),
    "SG_NRIC": ("NRIC", "FIN", "nric", "identity card", "NRIC/FIN"), "CN_RESIDENT_ID": ("身份证", "身份证号码", "id card", "resident id", "公民身份号码"),
    "BR_CPF": ("CPF", "cpf do cliente", "CPF nº", "cpf", "documento"),
}  # fmt: skip
_FRAMES = (
    "{w} {v}", "{w}: {v}", "<{w}>{v}</{w}>", '{w}="{v}" ok=true', "| {w} | {v} |", "Kunde mit {w} {v} nicht gefunden",
    "El cliente con {w} {v} no existe", "client introuvable ({w} : {v})", "{w}「{v}」は無効です", "无效的{w}：{v}。",
    "rejected [{w}: {v}] after 3 tries", "WARN c.a.Billing - {w} {v}, retry", '{{"error":"bad {w} {v}","code":7}}',
    'time="2026-11-24T03:07:33Z" level=warn msg="{w} {v} rejected"', "*{w}*: `{v}`", "{w} -> {v};", "{w}={v}&page=2", "1\t{w}\t{v}\tOK",
    "java.lang.IllegalArgumentException: {w} {v}\n\tat a.B.c(B.java:7)", "Failed: {w} '{v}' (code 3)", "q: what is {w} {v}?",
    'Processing by UsersController#create as JSON\n  Parameters: {{"{w}"=>"{v}"}}',
)  # fmt: skip


def planted_ids(seed: int, per_type: int) -> Iterator[tuple[str, str, str]]:
    """(type, value, text), each with a word for the type in some language near it."""
    r = random.Random(seed)
    for entity, (make, _) in IDS.items():
        for _ in range(per_type):
            value = make(r)
            yield entity, value, r.choice(_FRAMES).format(w=r.choice(_NAMES[entity]), v=value)


_SECRET_FRAMES = (
    "{}", "loaded {} ok", "Schlüssel {} abgelaufen", "clave inválida: {}", "无效的密钥 {}。", "+ {}", "export X='{}'", "[debug] hdr: {}",
    "remote: {} (expired)", "- {}\n- other", '{{"msg":"got {}"}}', "panic: bad key {}\ngoroutine 1", "run --with {} --fast", "`{}`", "x={};y=1",
    "step 3: {}, step 4", "see {}.",
)  # fmt: skip


def planted_secrets(seed: int, per_kind: int) -> Iterator[tuple[str, str, str]]:
    """(kind, secret part, text)."""
    r = random.Random(seed)
    for kind, make in SECRETS.items():
        for _ in range(per_kind):
            secret = make(r)
            frame = r.choice(_SECRET_FRAMES)
            if kind == "secret json" and "{{" in frame:
                frame = "{}"
            text = frame.format(secret)
            if '{"msg"' in text:
                text = json.dumps({"msg": f"got {secret}"})
            yield kind, core(kind, secret), text


def bare_numbers(seed: int, count: int) -> Iterator[tuple[str, str, str]]:
    """Numbers of 9 to 12 digits that are ids of a person, in texts that say nothing about it."""
    r = random.Random(seed)
    for _ in range(count):
        kind = r.choice(("US_SSN", "IN_AADHAAR", "BR_CPF"))
        value = "".join(c for c in IDS[kind][0](r) if c.isdigit())
        yield (
            kind,
            value,
            r.choice(("row {} rejected", "not found: {}", "{}", "[{}] done", "value {} of 3")).format(value),
        )
