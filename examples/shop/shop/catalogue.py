"""Browsing and carts."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy import or_, select

from shop.database import CartItem, Product, Session, session
from shop.memory import found_before, remember_found

log = logging.getLogger("shop.catalogue")
router = APIRouter()
Db = Annotated[Session, Depends(session)]


@router.get("/products")
def browse(request: Request, db: Db, q: str = ""):
    if (known := found_before(q)) is not None:
        return known
    found = db.scalars(select(Product).where(or_(Product.title.icontains(q), Product.sku == q))).all()
    if not found:
        log.info("nothing found for %r (%s)", q, request.url)
        found = db.scalars(select(Product).limit(3)).all()
    products = [{"sku": p.sku, "title": p.title, "price_cents": p.price_cents} for p in found]
    remember_found(q, products)
    return products


@router.post("/carts/{customer_id}/items", status_code=201)
def add_to_cart(customer_id: int, item: dict[str, str], db: Db):
    if db.get(Product, item["sku"]) is None:
        raise HTTPException(404, "no such product")
    db.add(CartItem(customer_id=customer_id, sku=item["sku"]))
    db.commit()
    return {"added": item["sku"]}
