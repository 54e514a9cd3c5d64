"""Addresses of databases: what libpq is given, and what people are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tightbeam import Client, JournalRefused
from tightbeam._engine.addresses import PATTERN, Address, hide_passwords, is_address, other_scheme
from tightbeam._engine.backends import file_named


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


@pytest.mark.parametrize("text", ["mysql://u:S3cret@h/db", "sqlite:///app.db", "https://u:S3cret@h"])
def test_an_address_of_another_kind_is_no_file(text: str) -> None:
    """A client would make a folder of that name, or say that it can't, with the password."""
    scheme = text.partition(":")[0]
    for refuse in (Client, file_named):
        with pytest.raises(
            JournalRefused, match=rf"^{scheme}://… is no journal: name a file by its path"
        ) as refused:
            refuse(text)
        assert "S3cret" not in str(refused.value)
    assert other_scheme("app.db") is other_scheme("c:/app.db") is other_scheme(Path("a://b")) is None


def test_how_an_address_is_written_may_be_said() -> None:
    assert hide_passwords(f"write it as {PATTERN}, please") == f"write it as {PATTERN}, please"
