import functools
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import botocore.client
import botocore.config
import botocore.endpoint
import botocore.exceptions
import botocore.session
from moto.server import ThreadedMotoServer

from tests.contract.row import Planted, Row, unobserved


class Calls:
    def __init__(self, client: botocore.client.BaseClient, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def good(self, planted: Planted) -> object:
        answer = self.client.put_object(
            Bucket=self.bucket,
            Key=f"{planted.email}/{planted.card}",
            Body=planted.unspoken.encode(),
            Metadata={"owner": planted.email, "text": planted.unspoken},
        )
        return answer["ResponseMetadata"]["HTTPStatusCode"]

    def bad(self, planted: Planted) -> object:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=f"{planted.email}/missing")
        except botocore.exceptions.ClientError as error:  # of a class that each client makes for itself
            return type(error).__name__, str(error)


@functools.cache
def server() -> str:
    """One for all; it ends with the process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    return "http://{}:{}".format(*moto.get_host_and_port())


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    client = botocore.session.Session().create_client(
        "s3",
        region_name="eu-central-1",
        endpoint_url=server(),
        aws_access_key_id="AKIACANARYCANARY1234",
        aws_secret_access_key=Planted().secret,
        config=botocore.config.Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=10,
            read_timeout=10,
        ),
    )
    bucket = f"shop-{uuid.uuid4()}"  # buckets outlive their server
    with unobserved():
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    try:
        yield Calls(client, bucket)
    finally:
        client.close()


def objects() -> list[object]:
    return [
        vars(botocore.client.BaseClient)["_make_api_call"],
        vars(botocore.endpoint.Endpoint)["prepare_request"],
    ]


ALONE = Row(
    name="botocore",
    open=opened,
    good=[("client", "S3.PutObject")],
    bad=[("client", "S3.GetObject")],
    error=("botocore.errorfactory.NoSuchKey",),
    objects=objects,
)
ROWS = [
    ALONE,
    replace(
        ALONE,
        also=("urllib3",),  # its span stays: a call that is tried again is several requests
        good=[("client", "S3.PutObject"), ("client", "PUT")],
        bad=[("client", "S3.GetObject"), ("client", "GET")],
        error=("botocore.errorfactory.NoSuchKey", "404"),
    ),
]
