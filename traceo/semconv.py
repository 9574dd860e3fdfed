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
    "CODE_STACKTRACE",
    "DB_COLLECTION_NAME",
    "DB_NAMESPACE",
    "DB_OPERATION_BATCH_SIZE",
    "DB_OPERATION_NAME",
    "DB_QUERY_PARAMETER",
    "DB_QUERY_TEXT",
    "DB_RESPONSE_STATUS_CODE",
    "DB_STORED_PROCEDURE_NAME",
    "DB_SYSTEM_NAME",
    "DEPLOYMENT_ENVIRONMENT_NAME",
    "ERROR_TYPE",
    "EXCEPTION_EVENT",
    "EXCEPTION_MESSAGE",
    "EXCEPTION_STACKTRACE",
    "EXCEPTION_TYPE",
    "GEN_AI_CONVERSATION_ID",
    "GEN_AI_EMBEDDINGS_DIMENSION_COUNT",
    "GEN_AI_INPUT_MESSAGES",
    "GEN_AI_OPERATION_NAME",
    "GEN_AI_OUTPUT_MESSAGES",
    "GEN_AI_OUTPUT_TYPE",
    "GEN_AI_PROMPT_NAME",
    "GEN_AI_PROMPT_VERSION",
    "GEN_AI_PROVIDER_NAME",
    "GEN_AI_REQUEST_CHOICE_COUNT",
    "GEN_AI_REQUEST_ENCODING_FORMATS",
    "GEN_AI_REQUEST_FREQUENCY_PENALTY",
    "GEN_AI_REQUEST_MAX_TOKENS",
    "GEN_AI_REQUEST_MODEL",
    "GEN_AI_REQUEST_PRESENCE_PENALTY",
    "GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID",
    "GEN_AI_REQUEST_REASONING_LEVEL",
    "GEN_AI_REQUEST_SEED",
    "GEN_AI_REQUEST_STOP_SEQUENCES",
    "GEN_AI_REQUEST_STREAM",
    "GEN_AI_REQUEST_TEMPERATURE",
    "GEN_AI_REQUEST_TOP_K",
    "GEN_AI_REQUEST_TOP_P",
    "GEN_AI_RESPONSE_FINISH_REASONS",
    "GEN_AI_RESPONSE_ID",
    "GEN_AI_RESPONSE_MODEL",
    "GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK",
    "GEN_AI_SYSTEM_INSTRUCTIONS",
    "GEN_AI_TOKEN_TYPE",
    "GEN_AI_TOOL_CALL_ARGUMENTS",
    "GEN_AI_TOOL_CALL_RESULT",
    "GEN_AI_TOOL_DEFINITIONS",
    "GEN_AI_TOOL_NAME",
    "GEN_AI_USAGE_AUDIO_INPUT_TOKENS",
    "GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS",
    "GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS",
    "GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS",
    "GEN_AI_USAGE_INPUT_TOKENS",
    "GEN_AI_USAGE_OUTPUT_TOKENS",
    "GEN_AI_USAGE_REASONING_OUTPUT_TOKENS",
    "HOST_NAME",
    "HTTP_REQUEST_HEADER",
    "HTTP_REQUEST_METHOD",
    "HTTP_REQUEST_METHOD_ORIGINAL",
    "HTTP_REQUEST_RESEND_COUNT",
    "HTTP_RESPONSE_HEADER",
    "HTTP_RESPONSE_STATUS_CODE",
    "HTTP_ROUTE",
    "JSONRPC_REQUEST_ID",
    "MCP_METHOD_NAME",
    "MCP_PROTOCOL_VERSION",
    "MCP_RESOURCE_URI",
    "MCP_SESSION_ID",
    "MESSAGING_CONSUMER_GROUP_NAME",
    "MESSAGING_DESTINATION_ANONYMOUS",
    "MESSAGING_DESTINATION_NAME",
    "MESSAGING_DESTINATION_PARTITION_ID",
    "MESSAGING_DESTINATION_TEMPORARY",
    "MESSAGING_KAFKA_OFFSET",
    "MESSAGING_MESSAGE_CONVERSATION_ID",
    "MESSAGING_MESSAGE_ID",
    "MESSAGING_OPERATION_NAME",
    "MESSAGING_OPERATION_TYPE",
    "MESSAGING_RABBITMQ_ROUTING_KEY",
    "MESSAGING_SYSTEM",
    "METRIC_DB_CLIENT_DURATION",
    "METRIC_GEN_AI_CLIENT_DURATION",
    "METRIC_GEN_AI_CLIENT_TOKENS",
    "METRIC_HTTP_CLIENT_DURATION",
    "METRIC_HTTP_SERVER_DURATION",
    "METRIC_MCP_CLIENT_DURATION",
    "METRIC_MCP_SERVER_DURATION",
    "METRIC_MESSAGING_CLIENT_DURATION",
    "METRIC_MESSAGING_PROCESS_DURATION",
    "METRIC_OVERFLOW",
    "METRIC_RPC_CLIENT_DURATION",
    "METRIC_RPC_SERVER_DURATION",
    "METRIC_SPAN_DURATION",
    "METRIC_TRACEO_BATCHES",
    "METRIC_TRACEO_DELIVERED",
    "METRIC_TRACEO_DROPPED",
    "METRIC_TRACEO_KEY_REDACTIONS",
    "METRIC_TRACEO_QUEUE",
    "METRIC_TRACEO_REDACTIONS",
    "METRIC_TRACEO_RETRIES",
    "NETWORK_PEER_ADDRESS",
    "NETWORK_PEER_PORT",
    "NETWORK_PROTOCOL_NAME",
    "NETWORK_PROTOCOL_VERSION",
    "NETWORK_TRANSPORT",
    "OPENAI_API_TYPE",
    "OPENAI_REQUEST_SERVICE_TIER",
    "OPENAI_RESPONSE_SERVICE_TIER",
    "OPENAI_RESPONSE_SYSTEM_FINGERPRINT",
    "OS_TYPE",
    "PROCESS_PID",
    "PROCESS_RUNTIME_NAME",
    "PROCESS_RUNTIME_VERSION",
    "RPC_METHOD",
    "RPC_RESPONSE_STATUS_CODE",
    "RPC_SYSTEM_NAME",
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
    "TRACEO_GEN_AI_COST",
    "TRACEO_GEN_AI_CURRENCY",
    "TRACEO_GEN_AI_TOOL_CALL_IDS",
    "TRACEO_GEN_AI_TOOL_NAMES",
    "TRACEO_KEY",
    "TRACEO_LEFT_OUT",
    "TRACEO_REASON",
    "TRACEO_REDACTED",
    "TRACEO_RULE",
    "TRACEO_SIGNAL",
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
NETWORK_TRANSPORT: Final = "network.transport"

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
DB_STORED_PROCEDURE_NAME: Final = "db.stored_procedure.name"

# Messaging
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION_ANONYMOUS: Final = "messaging.destination.anonymous"
MESSAGING_DESTINATION_TEMPORARY: Final = "messaging.destination.temporary"
MESSAGING_CONSUMER_GROUP_NAME: Final = "messaging.consumer.group.name"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_RABBITMQ_ROUTING_KEY: Final = "messaging.rabbitmq.destination.routing_key"
MESSAGING_KAFKA_OFFSET: Final = "messaging.kafka.offset"
MESSAGING_DESTINATION_PARTITION_ID: Final = "messaging.destination.partition.id"
MESSAGING_MESSAGE_CONVERSATION_ID: Final = "messaging.message.conversation_id"

# Language models (GenAI conventions) and the tools they use (MCP conventions)
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_PROMPT_NAME: Final = "gen_ai.prompt.name"
GEN_AI_PROMPT_VERSION: Final = "gen_ai.prompt.version"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
GEN_AI_REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
GEN_AI_REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
GEN_AI_REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
GEN_AI_REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
GEN_AI_REQUEST_SEED: Final = "gen_ai.request.seed"
GEN_AI_REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
GEN_AI_REQUEST_TOP_K: Final = "gen_ai.request.top_k"
GEN_AI_REQUEST_TOP_P: Final = "gen_ai.request.top_p"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""Seconds from the start of the request to the first event of its stream."""
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
GEN_AI_TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  of a language model
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""All input, what was read from and written to a cache included."""
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
JSONRPC_REQUEST_ID: Final = "jsonrpc.request.id"
MCP_METHOD_NAME: Final = "mcp.method.name"
MCP_PROTOCOL_VERSION: Final = "mcp.protocol.version"
MCP_RESOURCE_URI: Final = "mcp.resource.uri"
MCP_SESSION_ID: Final = "mcp.session.id"
RPC_METHOD: Final = "rpc.method"
RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_RESPONSE_STATUS_CODE: Final = "rpc.response.status_code"
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"

# Metrics of spans
METRIC_HTTP_SERVER_DURATION: Final = "http.server.request.duration"
METRIC_HTTP_CLIENT_DURATION: Final = "http.client.request.duration"
METRIC_DB_CLIENT_DURATION: Final = "db.client.operation.duration"
METRIC_MESSAGING_CLIENT_DURATION: Final = "messaging.client.operation.duration"
METRIC_MESSAGING_PROCESS_DURATION: Final = "messaging.process.duration"
METRIC_RPC_CLIENT_DURATION: Final = "rpc.client.call.duration"
METRIC_RPC_SERVER_DURATION: Final = "rpc.server.call.duration"
METRIC_GEN_AI_CLIENT_DURATION: Final = "gen_ai.client.operation.duration"
METRIC_GEN_AI_CLIENT_TOKENS: Final = "gen_ai.client.token.usage"
METRIC_MCP_CLIENT_DURATION: Final = "mcp.client.operation.duration"
METRIC_MCP_SERVER_DURATION: Final = "mcp.server.operation.duration"
METRIC_SPAN_DURATION: Final = "traces.span.metrics.duration"
"""Of spans that no convention has a metric for: the name that the span metrics connector gives it."""
METRIC_OVERFLOW: Final = "otel.metric.overflow"
"""True on the one series that counts what found no series of its own."""

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
CODE_STACKTRACE: Final = "code.stacktrace"
THREAD_ID: Final = "thread.id"
THREAD_NAME: Final = "thread.name"

# Ours
TRACEO_GEN_AI_COST: Final = "traceo.gen_ai.cost"
"""What a call to a model cost by the user's price table, in ``traceo.gen_ai.currency``."""
TRACEO_GEN_AI_CURRENCY: Final = "traceo.gen_ai.currency"
TRACEO_GEN_AI_TOOL_CALL_IDS: Final = "traceo.gen_ai.tool.call.ids"
"""String array: the ids of the tool calls that the model asked for, in the order of the names."""
TRACEO_GEN_AI_TOOL_NAMES: Final = "traceo.gen_ai.tool.names"
"""String array: the tools that the model asked for."""
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

# Metrics of ours, and their attributes
METRIC_TRACEO_REDACTIONS: Final = "traceo.redactions"
METRIC_TRACEO_KEY_REDACTIONS: Final = "traceo.key.redactions"
METRIC_TRACEO_DROPPED: Final = "traceo.dropped"
METRIC_TRACEO_DELIVERED: Final = "traceo.delivered"
METRIC_TRACEO_QUEUE: Final = "traceo.queue.usage"
METRIC_TRACEO_BATCHES: Final = "traceo.batches"
METRIC_TRACEO_RETRIES: Final = "traceo.retries"
TRACEO_RULE: Final = "traceo.rule"
TRACEO_KEY: Final = "traceo.key"
TRACEO_SIGNAL: Final = "traceo.signal"
TRACEO_REASON: Final = "traceo.reason"
TRACEO_LEFT_OUT: Final = "traceo.left_out"
"""How many records of one line of code were left out since it was last told."""
