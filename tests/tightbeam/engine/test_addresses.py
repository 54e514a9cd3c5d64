"""Addresses of databases: what libpq is given, and what people are shown."""

from __future__ import annotations

import pytest

from tightbeam import JournalRefused
from tightbeam._engine.addresses import Address, hide_passwords, is_address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:S3cret@h:5432/db?sslmode=require&password=S3cret2", "postgresql://u@h:5432/db"),
        ("postgresql://u:S3@cret@h/db", "postgresql://u@h/db"),
        ("postgresql://u:S3:cret@h/db", "postgresql://u@h/db"),
        ("postgresql://u:S3 cret#\"'[@h/db", "postgresql://u@h/db"),
        ("postgresql://:S3cret@h/db", "postgresql://h/db"),
        ("postgres://u@h1:1,h2:2/db", "postgres://u@h1:1,h2:2/db"),
        ("postgresql://u:S3cret@[::1]:5432/db", "postgresql://u@[::1]:5432/db"),
        ("postgresql://u:S3cret@%2Ftmp%2Fsocket/db", "postgresql://u@%2Ftmp%2Fsocket/db"),
        ("postgresql://u:S3cret@h1:1,h2,h3:2/db", "postgresql://u@h1:1,h2,h3:2/db"),
        ("postgresql:///db", "postgresql:///db"),
        ("postgresql:///db?host=/tmp/x&port=5&sslpassword=S3cret&sslkey=S3", "postgresql:///db?host=/tmp/x&port=5"),
        ("postgresql://u:S3/cret@h/db", "postgresql://…"),
        ("postgresql://u:S3?cret@h/db", "postgresql://…"),
        ("postgresql://u:1?S3cret@h/db", "postgresql://…"),
        ("postgresql://u:1/S3cret@h/db", "postgresql://…"),
        ("postgresql://u:S3cret", "postgresql://…"),
    ],
)  # fmt: skip
def test_a_password_is_never_shown(text: str, shown: str) -> None:
    assert is_address(text)
    address = Address(text)
    assert str(address) == shown
    assert repr(address) == f"Address({shown!r})"
    assert address.conninfo == text.replace("postgres://", "postgresql://")
    assert (
        hide_passwords(f"no such option: {text!r}, or {text}", [text])
        == f"no such option: {shown!r}, or {shown}"
    )


@pytest.mark.parametrize(
    "text", ["app.db", "postgresql", "mysql://u:p@h/db", "./postgresql://h", "", "file:///x"]
)
def test_what_is_no_address(text: str) -> None:
    assert not is_address(text)
    assert hide_passwords(text, [text]) == text
    with pytest.raises(JournalRefused, match="begins with postgresql://"):
        Address(text)


def test_an_address_that_became_a_path() -> None:
    """As a command's argument may, whatever else its message quotes."""
    assert hide_passwords("postgresql:/u:S3cret@h/db is not a file") == "postgresql://u@h/db is not a file"


def test_an_address_for_a_library() -> None:
    with pytest.raises(
        JournalRefused, match=r"^postgresql\+asyncpg://u@h/db names a driver: leave \+asyncpg out"
    ):
        Address("postgresql+asyncpg://u:S3cret@h/db")


def test_what_a_server_says_is_shown_without_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "from-outside")
    address = Address("postgresql://u:S3%20cret@h/db?sslpassword=K3y")
    said = f'"S3 cret", S3%20cret or K3y of {address.conninfo}, from-outside; K3ys'
    assert address.scrub(said) == '"…", … or … of postgresql://u@h/db, …; K3ys'


def test_an_address_behind_an_option() -> None:
    word = "--url=postgresql://u:S3 cret@h/db"
    assert hide_passwords(f"no such option: {word}", [word]) == "no such option: --url=postgresql://u@h/db"
