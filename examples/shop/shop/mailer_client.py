"""Work for the mailer, handed over through Redis."""

import os

from celery import Celery

_queue = Celery(broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))


def confirm(order: int, email: str, receipt: str) -> None:
    _queue.send_task("mailer.confirm", kwargs={"order": order, "email": email, "receipt": receipt})
