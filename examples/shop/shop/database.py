"""Tables and sessions. SQLite in a file: ``SHOP_DATABASE`` says which."""

import os

from sqlalchemy import ForeignKey, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(os.environ.get("SHOP_DATABASE", "sqlite:///shop.db"))
new_session = sessionmaker(engine, expire_on_commit=False)


@event.listens_for(engine, "connect")
def _on_connect(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    phone: Mapped[str]
    street: Mapped[str]
    password: Mapped[str]
    national_id: Mapped[str | None]


class Product(Base):
    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    price_cents: Mapped[int]
    stock: Mapped[int]


class CartItem(Base):
    __tablename__ = "cart_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"))


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    total_cents: Mapped[int]
    status: Mapped[str]
    contact: Mapped[str]


CATALOGUE = [
    ("TEA-01", "Darjeeling first flush", 1290),
    ("TEA-02", "Sencha", 990),
    ("CUP-01", "Porcelain cup", 1850),
    ("POT-01", "Cast iron pot", 6400),
    ("TIN-01", "Tea tin", 700),
]


def create():
    """Make the tables and fill the shelves, once."""
    Base.metadata.create_all(engine)
    with new_session() as session:
        if session.get(Product, "TEA-01") is None:
            session.add_all(
                Product(sku=sku, title=title, price_cents=cents, stock=1_000_000)
                for sku, title, cents in CATALOGUE
            )
            session.commit()


def session():
    """The session of one request; FastAPI closes it after the answer."""
    with new_session() as opened:
        yield opened


__all__ = ["CartItem", "Customer", "Order", "Product", "Session", "create", "new_session", "session"]
