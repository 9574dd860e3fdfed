"""Every attribute name we emit or read, in one place.

The names follow OpenTelemetry's *stable* semantic conventions (HTTP, database, code, exception, resource),
so that any OTLP backend understands them. Names under ``traceo.`` are ours. They are plain constants on
purpose: importing them costs nothing, and an upgrade of somebody else's package cannot rename them under us.
"""

from typing import Final

__all__ = [
    "CLIENT_ADDRESS",
    "CODE_FILE_PATH",
    "CODE_FUNCTION_NAME",
    "CODE_LINE_NUMBER",
    "DB_COLLECTION_NAME",
    "DB_NAMESPACE",
    "DB_OPERATION_BATCH_SIZE",
    "DB_OPERATION_NAME",
    "DB_QUERY_PARAMETER",
    "DB_QUERY_TEXT",
    "DB_RESPONSE_STATUS_CODE",
    "DB_SYSTEM_NAME",
    "DEPLOYMENT_ENVIRONMENT_NAME",
    "ERROR_TYPE",
    "EXCEPTION_EVENT",
    "EXCEPTION_MESSAGE",
    "EXCEPTION_STACKTRACE",
    "EXCEPTION_TYPE",
    "HOST_NAME",
    "HTTP_REQUEST_HEADER",
    "HTTP_REQUEST_METHOD",
    "HTTP_REQUEST_METHOD_ORIGINAL",
    "HTTP_REQUEST_RESEND_COUNT",
    "HTTP_RESPONSE_HEADER",
    "HTTP_RESPONSE_STATUS_CODE",
    "HTTP_ROUTE",
    "NETWORK_PEER_ADDRESS",
    "NETWORK_PEER_PORT",
    "NETWORK_PROTOCOL_NAME",
    "NETWORK_PROTOCOL_VERSION",
    "OS_TYPE",
    "PROCESS_PID",
    "PROCESS_RUNTIME_NAME",
    "PROCESS_RUNTIME_VERSION",
    "SEALED_SUFFIX",
    "SERVER_ADDRESS",
    "SERVER_PORT",
    "SERVICE_INSTANCE_ID",
    "SERVICE_NAME",
    "SERVICE_NAMESPACE",
    "SERVICE_VERSION",
    "TELEMETRY_SDK_LANGUAGE",
    "TELEMETRY_SDK_NAME",
    "TELEMETRY_SDK_VERSION",
    "THREAD_ID",
    "THREAD_NAME",
    "TRACEO_CARRIER",
    "TRACEO_DROPPED",
    "TRACEO_REDACTED",
    "TRACEO_SUBJECT",
    "URL_FULL",
    "URL_PATH",
    "URL_QUERY",
    "URL_SCHEME",
    "USER_AGENT_ORIGINAL",
]

# Resource
SERVICE_NAME: Final = "service.name"
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
DEPLOYMENT_ENVIRONMENT_NAME: Final = "deployment.environment.name"
TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"
PROCESS_PID: Final = "process.pid"
PROCESS_RUNTIME_NAME: Final = "process.runtime.name"
PROCESS_RUNTIME_VERSION: Final = "process.runtime.version"
HOST_NAME: Final = "host.name"
OS_TYPE: Final = "os.type"

# HTTP, client and server
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_REQUEST_METHOD_ORIGINAL: Final = "http.request.method_original"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
HTTP_REQUEST_HEADER: Final = "http.request.header."
"""Prefix; the lower-cased header name follows. Values are string arrays."""
HTTP_RESPONSE_HEADER: Final = "http.response.header."
"""Prefix; the lower-cased header name follows. Values are string arrays."""
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
HTTP_ROUTE: Final = "http.route"
URL_FULL: Final = "url.full"
URL_PATH: Final = "url.path"
URL_QUERY: Final = "url.query"
URL_SCHEME: Final = "url.scheme"
USER_AGENT_ORIGINAL: Final = "user_agent.original"

# Network
CLIENT_ADDRESS: Final = "client.address"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
NETWORK_PEER_ADDRESS: Final = "network.peer.address"
NETWORK_PEER_PORT: Final = "network.peer.port"
NETWORK_PROTOCOL_NAME: Final = "network.protocol.name"
NETWORK_PROTOCOL_VERSION: Final = "network.protocol.version"

# Database
DB_SYSTEM_NAME: Final = "db.system.name"
DB_NAMESPACE: Final = "db.namespace"
DB_COLLECTION_NAME: Final = "db.collection.name"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_OPERATION_BATCH_SIZE: Final = "db.operation.batch.size"
DB_QUERY_TEXT: Final = "db.query.text"
DB_QUERY_PARAMETER: Final = "db.query.parameter."
"""Prefix; the parameter's name or 0-based index follows."""
DB_RESPONSE_STATUS_CODE: Final = "db.response.status_code"

# Errors and exceptions
ERROR_TYPE: Final = "error.type"
EXCEPTION_EVENT: Final = "exception"
"""The name of the span event that carries the three below."""
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# Code and threads
CODE_FILE_PATH: Final = "code.file.path"
CODE_FUNCTION_NAME: Final = "code.function.name"
CODE_LINE_NUMBER: Final = "code.line.number"
THREAD_ID: Final = "thread.id"
THREAD_NAME: Final = "thread.name"

# Ours
TRACEO_SAMPLING_KEPT: Final = "traceo.sampling.kept"
"""``error`` or ``slow``: why a trace that the sampler left out was kept. Estimates leave such spans out."""
TRACEO_SAMPLING_PROBABILITY: Final = "traceo.sampling.probability"
"""On the first span of a sampled trace: the probability, 0.0 to 1.0, with which the sampler kept it."""
TRACEO_REDACTED: Final = "traceo.redacted"
"""String array ``"<path>=<RULE>"``: what the pipeline took out of the record, never the value."""
TRACEO_CARRIER: Final = "traceo.carrier"
"""Scope and event name of a log record whose body is a sealed batch."""
TRACEO_SUBJECT: Final = "traceo.subject"
"""The pseudonym of the person whom a span or log line is about."""
SEALED_SUFFIX: Final = ".sealed"
"""What follows an attribute's name where its value stands sealed."""
TRACEO_DROPPED: Final = "traceo.dropped."
"""Prefix of resource attributes; the reason follows. How many items of the signal that carries it
this process has dropped so far. Only present when there were any; take the largest of a process, not the
sum."""
