"""The shop's own tables, in the database in which Tightbeam keeps its own."""

from __future__ import annotations

import os

from sqlalchemy import CheckConstraint, ForeignKey, make_url
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ADDRESS = os.environ["EXAMPLE_DATABASE"]
ITEMS = ("tea", "cup", "kettle")
STOCK = 50
"""How much there is of each item when the shop opens."""

# Connections that a restart of the server has cut are noticed before they are used.
engine = create_async_engine(make_url(ADDRESS).set(drivername="postgresql+psycopg"), pool_pre_ping=True)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """What the tables have in common."""


class Item(Base):
    """Something that can be ordered, as long as there is enough of it."""

    __tablename__ = "item"
    name: Mapped[str] = mapped_column(primary_key=True)
    stock: Mapped[int] = mapped_column(CheckConstraint("stock >= 0", name="enough_in_stock"))


class Order(Base):
    """An order, and where it is."""

    __tablename__ = "customer_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(ForeignKey(Item.name))
    quantity: Mapped[int] = mapped_column()
    state: Mapped[str] = mapped_column()


async def open_shop() -> None:
    """Create the tables where they are missing, and fill the shelves."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        full = insert(Item).values([{"name": name, "stock": STOCK} for name in ITEMS])
        await connection.execute(full.on_conflict_do_update(index_elements=["name"], set_={"stock": STOCK}))
    await engine.dispose()
