from traceo.collector.sender_drops import SenderDrops


def said(make, pid: int, **dropped: int):
    resource = {
        "process.pid": pid,
        **{f"traceo.dropped.{reason}": count for reason, count in dropped.items()},
    }
    return make.traces(make.span(), resource=resource)


def test_the_largest_count_of_each_process_counts(make):
    drops = SenderDrops()
    for request in (
        said(make, 1, queue_full=3),
        said(make, 1, queue_full=10, exit=1),
        said(make, 1, queue_full=7),
        said(make, 2, queue_full=5),
        make.traces(make.span()),
        object(),
    ):
        drops.note(request)
    assert drops.by_reason() == {"queue_full": 15, "exit": 1}


def test_it_does_not_grow_for_ever(make):
    drops = SenderDrops()
    request = said(make, 0, exit=1)
    pid = next(item for item in request.resource_spans[0].resource.attributes if item.key == "process.pid")
    for number in range(10_500):
        pid.value.int_value = number
        drops.note(request)
    assert drops.by_reason() == {"exit": 10_500}
    assert len(drops._latest) == 10_000


def test_the_status_and_the_metrics_say_it(collector, make):
    collector.post("/v1/traces", said(make, 77, backlog_full=4).SerializeToString())
    assert collector.get("/api/traceo/status").json["dropped_by_senders"] == {"backlog_full": 4}
    assert (
        b'traceo_collector_dropped_by_senders_total{reason="backlog_full"} 4'
        in collector.get("/metrics").body
    )
