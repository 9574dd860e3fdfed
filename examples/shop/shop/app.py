"""The shop: customers, catalogue, carts, checkout, back office.

OTEL_SERVICE_NAME=shop uvicorn --app-dir examples/shop shop.app:app --port 8001
"""
# ruff: noqa: E402  Traceo is switched on first, so that it sees everything that follows

import traceo

traceo.init()

import logging

from fastapi import FastAPI

from shop import back_office, catalogue, checkout, customers, database

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

database.create()

app = FastAPI(title="shop")
app.include_router(customers.router)
app.include_router(catalogue.router)
app.include_router(checkout.router)
app.include_router(back_office.router)


@app.get("/health")
def health():
    return {"status": "up"}
