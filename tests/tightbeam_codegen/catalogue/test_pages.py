"""The pages as a pure function of definitions: what they say, link to, and never contain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.catalogue.catalogues import catalogue, hostile, site_of
from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.golden import GOOD, Case
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object, ref
from tightbeam_codegen.catalogue.html import Markup, h, prose, shown
from tightbeam_codegen.catalogue.places import ITEMS, Own, anchor, href
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS

ROOT = Path(__file__).parents[3]
HOSTILE = "</script><img src=x onerror=alert(1)>\"'`&<b>\0\u202e\u2028"


class Page(HTMLParser):
    """What a parser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))

    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.tags if "id" in attrs]

    def links(self) -> Iterator[str]:
        yield from (attrs["href"] or "" for _, attrs in self.tags if "href" in attrs)


def resolved(page: str, link: str) -> tuple[str, str]:
    """The path in the site that a link leads to, and the anchor."""
    path, _, fragment = link.partition("#")
    parts = page.split("/")[:-1] if path else [page]
    for part in path.split("/") if path else ():
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts), fragment


def assert_links_lead_somewhere(site: dict[str, str]) -> None:
    pages = {path: Page(text) for path, text in site.items() if path.endswith(".html")}
    anchors = {path: page.ids() for path, page in pages.items()}
    known = {path: frozenset(ids) for path, ids in anchors.items()}
    for path, page in pages.items():
        assert len(anchors[path]) == len(known[path]), path
        for link in page.links():
            target, fragment = resolved(path, link)
            assert target in site, (path, link)
            assert not fragment or fragment in known[target], (path, link)


@pytest.fixture(scope="module")
def own() -> dict[str, str]:
    """The catalogue of our example definitions."""
    return site_of(ROOT / "schemas", Settings(ROOT / "schemas"))


def test_every_link_leads_somewhere(own: dict[str, str]) -> None:
    assert_links_lead_somewhere(own)
    assert "rows are shown" not in own["channels/orders.html"]
    assert {path for path in own if "/" not in path} == {
        *("index.html", "types.html", "catalogue.js", "catalogue.css", "family.css", "mark.svg"),
    }
    assert {path for path in own if path.startswith("channels/")} == {
        f"channels/{name}.html" for name in ("alerts", "orders", "pipeline", "uploads")
    }


def test_a_page_says_what_the_definition_says(own: dict[str, str]) -> None:
    text = Page(own["channels/orders.html"]).text
    for words in (
        "orders:{region}:{orderId}",
        "The life of one order, from the basket to the door.",
        "schemas/orders.channel.yaml",
        "orders:eu:7",
        "from generated.orders import orders_channel",
        'import { ordersChannel } from "./channels/orders";',
        "placedAt string date-time",
        "lines array of Line at least 1 item",
        'if kind: "shipped"',
        "The parcels are on their way.",
        "weightKg number > 0 optional",
        "class StateShippedParcelsItem",
        'Default when absent: "normal".',
        "await client.realtime.publish(ch.line_added, {",
        "Other properties are refused.",
        "schemas/orders.channel.yaml:54:3",
    ):
        assert words in text, words


def test_a_shared_type_is_described_once_and_linked(own: dict[str, str]) -> None:
    assert 'id="Money"' in own["types/common.html"]
    links = list(Page(own["channels/orders.html"]).links())
    assert links.count("../types/common.html#Money") == 3
    assert "ISO 4217" not in re.sub(
        r"<details.*?</details>", "", own["channels/orders.html"], flags=re.DOTALL
    )
    assert "orders:{region}:{orderId} · line-added" in Page(own["types/common.html"]).text


def test_the_same_definitions_give_the_same_site(own: dict[str, str]) -> None:
    assert site_of(ROOT / "schemas", Settings(ROOT / "schemas")) == own


def test_recursion_nesting_and_unions(tmp_path: Path) -> None:
    tree = closed("value", value=STRING, children={"type": "array", "items": ref("#/$defs/Tree")})
    inline = open_object(
        a=closed(b={"type": "array", "items": closed(c=INTEGER)}), own=ref("#/topics/t/schema")
    )
    either = {"anyOf": [STRING, ref("#/$defs/Tree"), closed("n", n=INTEGER), {"type": "null"}]}
    definition = {**channel("x", t=inline, u=ref("#/$defs/Tree"), e=either), "$defs": {"Tree": tree}}
    site = catalogue(tmp_path, {"x.channel.json": definition})
    assert_links_lead_somewhere(site)
    page = Page(site["channels/x.html"])
    assert {"t.a.b.~items.c", "u.children", "~type.Tree.value", "e.~EX2.n"} <= set(page.ids())
    assert "children array of Tree optional" in page.text
    assert "string | Tree | object | null" in page.text
    assert "own object optional" in page.text
    assert not any(id_.startswith("t.own.") for id_ in page.ids())


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"type": "object", "additionalProperties": inner},
        lambda inner: {"type": "array", "items": inner},
        lambda inner: {"anyOf": [STRING, {"type": "array", "items": inner}]},
        lambda inner: {"type": "array", "items": {"type": "object", "additionalProperties": inner}},
    ],
    ids=["map", "list", "union", "list of maps"],
)
@pytest.mark.parametrize("where", ["#/topics/t/schema", "common.json", "common.json#/$defs/Own"])
def test_what_is_no_object_may_contain_itself(tmp_path: Path, around: Any, where: str) -> None:
    own = around(ref("#/$defs/Own") if where.endswith("Own") else ref("#"))
    files = {"common.json": {**own, "$defs": {"Own": around(ref("#/$defs/Own"))}}}
    whole = around(ref(where)) if where.startswith("#") else ref(where)
    topics = {"t": whole, "u": closed(a=ref(where), b={"type": "array", "items": ref(where)})}
    site = catalogue(tmp_path, {"x.channel.json": channel("x", **topics), **files})
    assert_links_lead_somewhere(site)


def test_properties_that_have_one_way_have_two_links(tmp_path: Path) -> None:
    lists = {"anyOf": [{"type": "array", "items": closed(a=kind)} for kind in (STRING, INTEGER)]}
    site = catalogue(tmp_path, {"x.channel.json": channel("x", t=closed(list=lists))})
    assert_links_lead_somewhere(site)
    assert {"t.list.~items.a", "t.list.~items.a~2"} <= set(Page(site["channels/x.html"]).ids())


@pytest.mark.slow
def test_references_that_multiply_are_bounded(tmp_path: Path) -> None:
    """Each level is inside of the one before it, and is referred to twice: 2,046 rows."""
    inside: Any = STRING
    for depth in reversed(range(10)):
        way = "".join(f"/properties/a{number}" for number in range(depth + 1))
        inside = open_object(**{f"a{depth}": inside, f"b{depth}": ref(f"#/topics/t/schema{way}")})
    site = catalogue(tmp_path, {"x.channel.json": channel("x", t=inside)})
    assert_links_lead_somewhere(site)
    assert 2_000 <= site["channels/x.html"].count('<div class="row') < 2_100
    assert "Only the first 2,000 rows are shown; the definition has more." in site["channels/x.html"]


def test_a_document_with_many_types_has_a_page_for_each(tmp_path: Path) -> None:
    names = [*(f"T{number}" for number in range(41)), "Foo", "FOO"]
    shared = {"$defs": {name: closed(a=STRING) for name in names}}
    topics = {f"of-{number}": ref(f"common.json#/$defs/{name}") for number, name in enumerate(names)}
    site = catalogue(tmp_path, {"x.channel.json": channel("x", **topics), "common.json": shared})
    assert_links_lead_somewhere(site)
    assert "types/common/T7.html" in site
    assert "types/common.html" not in site
    assert len({path.casefold() for path in site}) == len(site), "two pages are one on some disks"


def test_pages_of_folders_and_of_files_that_are_one_module(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "fleet/vehicle.channel.json": channel(
            "vehicle", t=ref("../orders.schema.json"), u=ref("../orders.json")
        ),
        "orders.schema.json": closed(a=STRING),
        "orders.json": {**closed(b=STRING), "title": "Other"},
        "orders.channel.json": channel("orders", t=closed(a=STRING)),
    }
    site = catalogue(tmp_path, files)
    assert_links_lead_somewhere(site)
    assert {"channels/fleet/vehicle.html", "types/orders.html", "types/orders~2.html"} <= set(site)
    assert "fleet/" in Page(site["index.html"]).text


def test_channels_are_listed_as_people_count(tmp_path: Path) -> None:
    names = ["run-10", "Run-2", "run-2-x", "run", "2-run", "run-9"]
    files = {f"c{number}.channel.json": channel(name, t=STRING) for number, name in enumerate(names)}
    listed = re.findall(r'class="template">([^<]*)<', catalogue(tmp_path, files)["index.html"])
    assert listed == ["2-run", "run", "Run-2", "run-2-x", "run-9", "run-10"]


def test_regular_expressions_are_code(tmp_path: Path) -> None:
    code = closed(a={**STRING, "pattern": "^[a-z]`<b>$", "minLength": 2})
    site = catalogue(tmp_path, {"x.channel.json": channel("x", t=code)})
    assert "matches <code>^[a-z]`&lt;b&gt;$</code>" in site["channels/x.html"]
    assert "at least 2 characters" in site["channels/x.html"]


def test_what_is_found_has_no_backticks(own: dict[str, str]) -> None:
    assert "kind says which of the shapes it is." in own["search/0.js"]


def test_deprecation_and_names_of_the_authors_own(tmp_path: Path) -> None:
    schema = closed(old={**STRING, "deprecated": True}, giftFor={**STRING, "x-tightbeam-name": "recipient"})
    definition = channel("x", t={**schema, "deprecated": True, "x-tightbeam-name": "Gift"})
    definition["x-tightbeam-name"] = "ThingsChannel"
    text = Page(catalogue(tmp_path, {"x.channel.json": definition})["channels/x.html"]).text
    assert "t deprecated #" in text
    assert "old string optional deprecated" in text
    assert "giftFor string optional in Python recipient" in text


def test_what_a_table_cannot_say_is_named(tmp_path: Path) -> None:
    schema = {**open_object(a=STRING), "not": {"required": ["b"]}, "patternProperties": {"^x": INTEGER}}
    text = Page(catalogue(tmp_path, {"x.channel.json": channel("x", t=schema)})["channels/x.html"]).text
    assert "The schema says more: not, patternProperties." in text
    assert "Other properties are allowed." in text


def test_an_impossible_payload_has_a_page_all_the_same(tmp_path: Path) -> None:
    definition = channel("x:{p}", t={"type": "integer", "minimum": 3, "maximum": 2})
    definition["params"] = {"p": {"type": "string", "pattern": "^:$"}}
    site = catalogue(tmp_path, {"x.channel.json": definition})
    text = Page(site["channels/x.html"]).text
    assert "No example was found for this schema." in text
    assert "For example" not in text


@pytest.mark.slow
@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_links_of_the_golden_cases(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.folder)
    assert_links_lead_somewhere(site_of(Path("schemas"), load_settings(Path(), OPTIONS)))


# -- text of schemas -----------------------------------------------------------------------------------------


def elements(site: dict[str, str]) -> dict[str, list[str]]:
    return {
        path: [tag for tag, _ in Page(text).tags] for path, text in site.items() if path.endswith(".html")
    }


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "]]>--><!--",
        "javascript:alert(1)",
        "[a](javascript:alert(1)) **b** # c",
        "__proto__",
        "constructor",
    ],
)
def test_text_never_becomes_markup(text: str, tmp_path: Path) -> None:
    """The elements of the pages are those that harmless text gives."""
    site = catalogue(tmp_path / "a", hostile(text))
    harmless = catalogue(tmp_path / "b", hostile("harmless"))
    without_code = {"span", "code", "wbr"}
    for (path, found), (other, expected) in zip(
        elements(site).items(), elements(harmless).items(), strict=True
    ):
        assert [tag for tag in found if tag not in without_code] == [
            tag for tag in expected if tag not in without_code
        ], (path, other)
    for path, content in site.items():
        assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", content), (
            path
        )
    for path in site:
        page = Page(site[path]) if path.endswith(".html") else None
        for tag, attrs in page.tags if page else ():
            assert not any(name.startswith("on") or name == "style" for name in attrs), (path, tag)
    assert_links_lead_somewhere(site)


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", "//evil.example/", "/etc", "https://evil.example/", "data:x", " x:y", "a\nb"],
)
def test_a_link_out_of_the_site_is_a_bug(value: str) -> None:
    with pytest.raises(ValueError, match="not a link"):
        h("a", "x", href=value)


def test_elements_escape_text_and_attributes() -> None:
    built = h("p.a.b", "<b>", Markup("<i></i>"), None, ["x", ["y"]], title='"<', hidden=True, id=None)
    assert built == '<p class="a b" title="&quot;&lt;" hidden>&lt;b&gt;<i></i>xy</p>\n'


def test_descriptions_are_paragraphs_with_code() -> None:
    assert prose("One `two`\nthree\r\n\r\n\r\nfour ` five") == (
        "<p>One <code>two</code>\nthree</p>\n<p>four ` five</p>\n"
    )


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\0b", "a\\x00b"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
        ("a\tb\nc", "a\tb\nc"),
        ("\u06a9\u200c\u0627", "\u06a9\u200c\u0627"),
        ("\U0001f468\u200d\U0001f467", "\U0001f468\u200d\U0001f467"),
        ("\ufffe", "\\ufffe"),
        ("\U000e0001", "\\U000e0001"),
        ("is\u3164Admin\u115f", "is\\u3164Admin\\u115f"),
        ("a\u034fb", "a\\u034fb"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
    ],
)
def test_characters_that_do_not_show_are_escapes(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_anchors_are_plain_and_keep_ways_apart() -> None:
    ways = [("a", "b"), ("a.b",), ("a~2e~b",), ("a", ITEMS), ("a", "~items"), ("é",), ("",), ("a", "")]
    anchors = [anchor(way) for way in ways]
    assert len(set(anchors)) == len(ways)
    assert all(re.fullmatch(r"[A-Za-z0-9_.~-]*", each) for each in anchors)
    assert anchor(("placed", "customer", "email")) == "placed.customer.email"
    assert anchor((Own("~type"), "Line")) == "~type.Line"
    long = [anchor(("x" * 1000, end)) for end in "ab"]
    assert len(set(long)) == 2
    assert max(map(len, long)) < 200


def test_links_are_relative_and_quoted() -> None:
    assert href("channels/a/b.html", "index.html") == "../../index.html"
    assert href("index.html", "channels/größe.html", "t") == "channels/gr%C3%B6%C3%9Fe.html#t"
    assert href("a.html", "a.html", "t") == "#t"
