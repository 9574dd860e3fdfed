"""The mailer: confirms orders, one Celery task each.

OTEL_SERVICE_NAME=mailer celery --workdir examples/shop -A mailer.app worker
"""
# ruff: noqa: E402  Traceo is switched on first, so that it sees everything that follows

import traceo

traceo.init()

import logging
import os

import requests
from celery import Celery

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
log = logging.getLogger("mailer")

app = Celery("mailer", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.worker_hijack_root_logger = False
app.conf.task_ignore_result = True

_payments = os.environ.get("PAYMENTS_URL", "http://127.0.0.1:8002")


@app.task(name="mailer.confirm", max_retries=2, default_retry_delay=1)
def confirm(order, email, receipt):
    answer = requests.get(f"{_payments}/receipts/{receipt}", params={"email": email}, timeout=10)
    if not answer.ok:
        log.error("no receipt %s for %s: %s", receipt, email, answer.text)
        raise RuntimeError(f"order {order} of {email} cannot be confirmed")
    log.info("order %s confirmed to %s", order, email)
