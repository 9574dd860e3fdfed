"""Names that OpenTelemetry's conventions fix, so that their words say nothing about the value.

``service.name`` is no person's and ``gen_ai.token.type`` no token. Only whole names count: what merely begins
like them (``service.api_key``, ``k8s.pod.label.…``) is judged by its words like any other key.
"""

__all__ = ["CONVENTIONS", "HOSTS", "IDS"]


def _names(table: str) -> frozenset[str]:
    """The names of a table: a line has the beginning of a name, and its ends."""
    lines = (line.partition(":")[::2] for line in table.strip().splitlines())
    return frozenset(prefix.strip() + end for prefix, ends in lines for end in ends.split())


# Ids, versions, numbers, templates of paths and addresses of machines, made by programs: their digits are
# nobody's. Only secrets and e-mail addresses are looked for.
IDS = _names(
    """
    : trace_id span_id parent_span_id traceid spanid lineno
    telemetry.: sdk.version distro.version
    service.: version instance.id
    process.: pid parent_pid runtime.version executable.build_id.gnu executable.build_id.go
    thread.: id
    code.: lineno line.number column column.number
    os.: version build_id
    host.: id ip mac image.id image.version cpu.model.id cpu.stepping cpu.family cpu.cache.l2.size
    container.: id image.id image.tags image.repo_digests runtime.version
    k8s.: cluster.uid node.uid namespace.uid pod.uid pod.ip pod.start_time replicaset.uid deployment.uid
    k8s.: statefulset.uid daemonset.uid job.uid cronjob.uid container.restart_count
    cloud.: account.id resource_id
    deployment.: id
    faas.: version instance invocation_id max_memory time document.time coldstart
    otel.: library.version scope.version
    webengine.: version
    network.: protocol.version peer.port local.port
    aws.: lambda.invoked_arn lambda.resource_mapping.id ecs.cluster.arn ecs.container.arn ecs.task.arn
    aws.: ecs.task.id
    aws.: ecs.task.revision
    http.: status_code response.status_code request.resend_count request.body.size response.body.size
    http.: request.size response.size flavor route
    url.: template
    net.: peer.port host.port
    server.: port
    client.: port
    db.: response.status_code response.returned_rows operation.batch.size redis.database_index
    rpc.: grpc.status_code response.status_code
    messaging.: message.id message.body.size message.envelope.size batch.message_count kafka.offset
    messaging.: kafka.message.offset destination.partition.id
    gen_ai.: response.id response.time_to_first_chunk tool.call.id request.previous_response.id
    gen_ai.: request.max_tokens
    gen_ai.: request.temperature request.top_p request.top_k request.seed request.frequency_penalty
    gen_ai.: request.presence_penalty request.choice.count request.stream usage.input_tokens
    gen_ai.: usage.output_tokens
    gen_ai.: usage.prompt_tokens usage.completion_tokens usage.total_tokens usage.cache_read.input_tokens
    gen_ai.: usage.cache_write.input_tokens usage.cache_creation.input_tokens usage.reasoning.output_tokens
    gen_ai.: usage.audio.input_tokens usage.audio.output_tokens embeddings.dimension.count
    traceo.: gen_ai.tool.call.ids gen_ai.cost sampling.probability redacted rule key signal reason left_out
    """
)

# Everything else that the conventions, and our own hooks, name. Some of it is filled from what a client or a
# model sends, so the value is looked at for everything.
CONVENTIONS = IDS | _names(
    """
    : level severity filename pathname funcname module
    telemetry.: sdk.name sdk.language distro.name
    service.: name namespace criticality peer.name peer.namespace
    process.: runtime.name runtime.description executable.name executable.path
    thread.: name
    code.: function function.name namespace filepath file.path
    os.: type name description
    host.: name type arch image.name cpu.vendor.id cpu.model.name
    container.: name runtime runtime.name runtime.description image.name csi.plugin.name csi.volume.id
    k8s.: cluster.name node.name namespace.name pod.name pod.hostname container.name replicaset.name
    k8s.: deployment.name
    k8s.: statefulset.name daemonset.name job.name cronjob.name service.name hpa.name resourcequota.name
    k8s.: replicationcontroller.name storageclass.name volume.name volume.type persistentvolume.name
    k8s.: persistentvolumeclaim.name node.system_container.name container.status.reason
    k8s.: container.status.last_terminated_reason
    cloud.: provider region availability_zone platform
    deployment.: environment environment.name name status
    otel.: library.name scope.name scope.schema_url status_code component.name component.type
    otel.: span.sampling_result
    otel.: span.parent.origin event.name metric.overflow
    faas.: name trigger cron invoked_name invoked_provider invoked_region document.collection
    faas.: document.operation
    faas.: document.name
    device.: model.identifier model.name manufacturer
    logger.: name
    log.: level
    span.: kind
    feature_flag.: key provider.name result.variant result.reason set.id version variant evaluation.reason
    webengine.: name description
    network.: protocol.name transport type connection.type connection.subtype interface.name
    net.: transport
    aws.: region ecs.launchtype ecs.task.family log.group.names log.group.arns log.stream.names
    aws.: log.stream.arns
    http.: method request.method scheme
    url.: scheme
    error.: type
    exception.: type escaped
    peer.: service
    server.: address
    db.: system system.name name namespace operation operation.name collection.name stored_procedure.name
    rpc.: system system.name service method
    messaging.: system operation operation.name operation.type destination.name destination.template
    messaging.: destination.subscription.name destination_publish.name consumer.group.name consumer.id
    messaging.: kafka.consumer.group message.conversation_id client.id
    gen_ai.: system provider.name operation.name request.model request.stop_sequences
    gen_ai.: request.encoding_formats
    gen_ai.: request.reasoning.level response.model response.finish_reasons tool.name tool.type token.type
    gen_ai.: output.type
    gen_ai.: prompt.name prompt.version agent.name agent.id agent.version conversation.id data_source.id
    gen_ai.: workflow.name evaluation.name evaluation.score.value evaluation.score.label
    asgi.: event.type
    celery.: task_name state action
    traceo.: gen_ai.tool.names gen_ai.currency sampling.kept
    """
)

# Hosts by name or number; whose number it is, is known to whoever calls it.
HOSTS = frozenset({"server.address"})
