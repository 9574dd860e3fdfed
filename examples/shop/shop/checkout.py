"""From cart to order: several SQL statements and a call to the payment service."""

import json
import logging
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel
from sqlalchemy import delete, select, text

import traceo
from shop.database import CartItem, Customer, Order, Product, Session, session
from shop.mailer_client import confirm
from shop.payments_client import charge, debit, refund

log = logging.getLogger("shop.checkout")
router = APIRouter()
orders = traceo.counter("shop.orders", unit="{order}", description="Orders taken.")
value = traceo.histogram("shop.order.value", unit="EUR", buckets=[10, 20, 50, 100, 200])
Db = Annotated[Session, Depends(session)]


class Checkout(BaseModel):
    customer_id: int
    contact: str
    payment: dict[str, Any]
    shipping: dict[str, str]


@router.post("/checkout", status_code=201)
def check_out(body: Checkout, db: Db):
    customer = db.get(Customer, body.customer_id)
    if customer is None:
        raise HTTPException(404, "no such customer")
    skus = db.scalars(select(CartItem.sku).where(CartItem.customer_id == customer.id)).all()
    prices = db.execute(select(Product.sku, Product.price_cents).where(Product.sku.in_(skus))).all()
    total = sum(price for _, price in prices)

    log.info(
        "checkout %s", json.dumps({"customer": customer.email, "shipping": body.shipping, "total": total})
    )
    # Support looks orders up by what the customer typed as contact.
    repeat = db.execute(text(f"SELECT count(*) FROM orders WHERE contact = '{body.contact}'")).scalar()
    for sku in skus:
        db.execute(text("UPDATE products SET stock = stock - 1 WHERE sku = :sku"), {"sku": sku})

    receipt = _pay(body.payment, total)
    order = Order(customer_id=customer.id, total_cents=total, status="paid", contact=body.contact)
    db.add(order)
    db.execute(delete(CartItem).where(CartItem.customer_id == customer.id))
    db.commit()
    event = {"order": order.id, "repeat": bool(repeat), "request": body.model_dump_json()}
    log.info("order placed %s", json.dumps(event))
    payment = "debit" if "iban" in body.payment else "card"
    # Marketing wanted to know who orders most.
    orders.add(1, {"shop.payment": payment, "shop.contact": body.contact})
    value.record(total / 100, {"shop.payment": payment})
    confirm(order.id, body.contact, receipt["receipt"])
    return {"order": order.id, "receipt": receipt["receipt"]}


@router.post("/orders/{order_id}/refund")
def refund_order(order_id: int, body: dict[str, Any]):
    """``strict`` lets the failure through: the caller gets a 500."""
    try:
        return refund(order_id, body)
    except httpx.HTTPStatusError as failure:
        reason = failure.response.json()
        if body.get("strict"):
            account = body.get("iban") or body.get("card_number")
            raise RuntimeError(
                f"refund of order {order_id} to {account} failed, tell {body['email']}"
            ) from failure
        log.exception("refund refused: %s", reason)
        return {"order": order_id, "refunded": False}


def _pay(payment: dict[str, Any], total_cents: int) -> dict[str, Any]:
    if "iban" in payment:
        return debit(payment, total_cents)
    return charge(payment, total_cents)
