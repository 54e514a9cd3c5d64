"""A class that has the name of another one in another module."""

from __future__ import annotations

from pydantic import BaseModel


class Point(BaseModel):
    label: str
