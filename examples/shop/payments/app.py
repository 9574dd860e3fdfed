"""The payment service: charges, debits, refunds and identity checks.

OTEL_SERVICE_NAME=payments uvicorn --app-dir examples/shop payments.app:app --port 8002
"""
# ruff: noqa: E402  Traceo is switched on first, so that it sees everything that follows

import traceo

traceo.init()

import logging
import os
import secrets
from typing import Any

from fastapi import FastAPI, HTTPException
from opentelemetry import trace
from sqlalchemy import create_engine, event, text

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
log = logging.getLogger("payments")

engine = create_engine(os.environ.get("PAYMENTS_DATABASE", "sqlite:///payments.db"))


@event.listens_for(engine, "connect")
def _on_connect(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")


with engine.begin() as connection:
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS charges "
            "(id INTEGER PRIMARY KEY, source TEXT, holder TEXT, amount_cents INTEGER)"
        )
    )

app = FastAPI(title="payments")


@app.get("/health")
def health():
    return {"status": "up"}


@app.post("/charges", status_code=201)
def charge(body: dict[str, Any]):
    number = int(str(body["card_number"]).replace(" ", "").replace("-", ""))
    # The application's own OpenTelemetry code, from before.
    trace.get_current_span().set_attribute("payment.card", number)
    log.info("charging", extra={"card_number": number, "holder": body["holder"]})
    _book(str(number), body["holder"], body["amount_cents"])
    return {"receipt": secrets.token_hex(6)}


@app.post("/accounts/{iban}/debits", status_code=201)
def debit(iban: str, body: dict[str, Any]):
    log.info("debit of account %s: %s", iban, body)
    _book(iban, body["holder"], body["amount_cents"])
    return {"receipt": secrets.token_hex(6)}


@app.get("/receipts/{receipt}")
def receipt(receipt: str, email: str):
    log.info("receipt %s sent to %s", receipt, email)
    return {"receipt": receipt, "paid": True}


@app.post("/refunds")
def refund(body: dict[str, Any]):
    try:
        found = _find_charge(str(body.get("iban") or body.get("card_number")), body["email"])
    except LookupError as unknown:
        log.exception("refund impossible")
        raise HTTPException(409, str(unknown)) from unknown
    return {"refund": found}


@app.get("/identity")
def identity(name: str, country: str):
    if len(name) < 2:
        log.warning("name too short, country %s", country)
        return {"verdict": "incomplete"}
    return {"verdict": "plausible"}


def _book(source: str, holder: str, amount_cents: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO charges (source, holder, amount_cents) VALUES (:source, :holder, :amount)"),
            {"source": source, "holder": holder, "amount": amount_cents},
        )


def _find_charge(source: str, email: str) -> int:
    with engine.connect() as connection:
        # Quoting by hand: the source may be a card or an account.
        query = f"SELECT id FROM charges WHERE source = '{source}' AND amount_cents < 0"
        row = connection.execute(text(query)).first()
    if row is None:
        raise LookupError(f"no charge of {source} by {email}")
    return row.id
