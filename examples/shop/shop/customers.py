"""Registration, login, profile, identity check, support."""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import select, text

from shop.database import Customer, Session, session
from shop.memory import open_session
from shop.payments_client import check_identity

log = logging.getLogger("shop.customers")
router = APIRouter()
Db = Annotated[Session, Depends(session)]
_SIGNING_KEY = secrets.token_bytes(32)


class Address(BaseModel):
    street: str
    city: str
    country: str


class Registration(BaseModel):
    name: str
    email: str
    phone: str
    address: Address
    password: str
    national_id: dict[str, str] | None = None


class Credentials(BaseModel):
    email: str
    password: str


class SupportMessage(BaseModel):
    customer_id: int
    subject: str
    message: str


@router.post("/customers", status_code=201)
def register(body: Registration, db: Db):
    # Handy while we chase the sign-up bug.
    log.info("registering customer %s", body.model_dump_json())
    customer = Customer(
        email=body.email,
        name=body.name,
        phone=body.phone,
        street=body.address.street,
        password=hashlib.sha256(body.password.encode()).hexdigest(),
        national_id=json.dumps(body.national_id),
    )
    db.add(customer)
    db.commit()
    return {"id": customer.id}


@router.post("/login")
def login(body: Credentials, db: Db, x_forwarded_for: Annotated[str, Header()] = ""):
    customer = db.scalars(select(Customer).where(Customer.email == body.email)).first()
    hashed = hashlib.sha256(body.password.encode()).hexdigest()
    if customer is None or customer.password != hashed:
        log.warning("login failed for %s from %s: %r", body.email, x_forwarded_for, body.model_dump())
        raise HTTPException(401, "wrong e-mail or password")
    token = _issue_token(customer)
    open_session(customer.email, token)
    log.info("session opened", extra={"user": customer.email, "ip": x_forwarded_for, "token": token})
    return {"token": token}


@router.get("/customers/{email}/profile")
def profile(email: str, db: Db):
    # The ORM was too slow here in 2021.
    row = db.execute(text(f"SELECT id, name, phone FROM customers WHERE email = '{email}'")).first()
    if row is None:
        raise HTTPException(404, "no such customer")
    log.info("profile of %s opened", email)
    return {"id": row.id, "name": row.name, "phone": row.phone}


@router.post("/customers/{customer_id}/identity")
def verify_identity(customer_id: int, document: dict[str, str], db: Db):
    customer = db.get(Customer, customer_id)
    if customer is None:
        raise HTTPException(404, "no such customer")
    verdict = check_identity(document, name=customer.name)
    log.info(
        "identity of customer %d checked: %s", customer_id, verdict["verdict"], extra={"document": document}
    )
    return verdict


@router.post("/support", status_code=202)
def support(body: SupportMessage):
    event = {"event": "support.message", "payload": body.model_dump_json()}
    log.info("ticket opened: %s", body.message)
    log.debug("raw event %s", event)
    log.info(json.dumps(event))
    return {"ticket": secrets.token_hex(4)}


def _issue_token(customer: Customer) -> str:
    claims = {
        "sub": customer.id,
        "email": customer.email,
        "iat": int(time.time()),
        "jti": secrets.token_hex(8),
    }
    head = _base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{head}.{_base64url(json.dumps(claims).encode())}"
    return f"{signed}.{_base64url(hmac.digest(_SIGNING_KEY, signed.encode(), 'sha256'))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
