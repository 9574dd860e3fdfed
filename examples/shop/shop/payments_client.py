"""Calls to the payment service. ``PAYMENTS_URL`` says where it is."""

import os
from typing import Any

import httpx

_client = httpx.Client(base_url=os.environ.get("PAYMENTS_URL", "http://127.0.0.1:8002"), timeout=10.0)


def charge(payment: dict[str, Any], amount_cents: int) -> dict[str, Any]:
    return _answer(_client.post("/charges", json={**payment, "amount_cents": amount_cents}))


def debit(payment: dict[str, Any], amount_cents: int) -> dict[str, Any]:
    order = {**payment, "amount_cents": amount_cents}
    return _answer(_client.post(f"/accounts/{payment['iban']}/debits", json=order))


def refund(order_id: int, body: dict[str, Any]) -> dict[str, Any]:
    return _answer(_client.post("/refunds", json={**body, "order": order_id}))


def check_identity(document: dict[str, str], *, name: str) -> dict[str, Any]:
    return _answer(_client.get("/identity", params={**document, "name": name}))


def _answer(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    return response.json()
