from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber

from tests.contract.row import Planted, Row


class Calls:
    def good(self, planted: Planted) -> object:
        return _logs.get_logger("some.library").emit(
            LogRecord(
                severity_number=SeverityNumber.INFO,
                body={"mail": planted.email, "text": f"card {planted.card}"},
                attributes={"token": planted.secret},
                event_name="order.paid",
            )
        )

    def bad(self, planted: Planted) -> object:
        return _logs.get_logger("some.library").emit(planted.email)  # no record at all


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    yield Calls()


ROW = Row(name="opentelemetry-logs", open=opened, good=[], bad=[])
