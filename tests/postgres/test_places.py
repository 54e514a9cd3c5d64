"""Places are integers that grow with the log; positions are their text, and nobody else's text is one."""

from __future__ import annotations

import pytest

from tightbeam._engine.postgres.places import halves, place_at, place_of, position

MOST = (1 << 63) - 1


@pytest.mark.parametrize("pair", [(0, 0), (1, 2), (731, MOST), (MOST, MOST)])
def test_a_place_is_its_transaction_and_its_number(pair: tuple[int, int]) -> None:
    place = place_at(*pair)
    assert halves(place) == (str(pair[0]), pair[1])
    assert position("3f2a9c1e", place) == f"3f2a9c1e.{pair[0]}.{pair[1]}"
    assert place_of("3f2a9c1e", position("3f2a9c1e", place)) == place


def test_places_grow_with_the_transaction_first() -> None:
    in_order = [(1, MOST), (2, 1), (2, 2), (3, 0)]
    assert [place_at(*pair) for pair in in_order] == sorted(place_at(*pair) for pair in in_order)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "start",
        "latest",
        "3f2a9c1e",
        "3f2a9c1e.1",
        "3f2a9c1e.1.2.3",
        "3f2a9c1f.1.2",
        "3f2a9c1e:1:2",
        "3f2a9c1e.-1.2",
        "3f2a9c1e.1.",
        "3f2a9c1e.1. 2",
        "3f2a9c1e.1.٢",
        f"3f2a9c1e.1.{MOST + 1}",
        f"3f2a9c1e.{'9' * 5_000}.1",
        "0.1.2",
    ],
)
def test_what_is_no_position_of_this_journal(text: str) -> None:
    assert place_of("3f2a9c1e", text) is None
