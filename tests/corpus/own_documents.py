"""Documents of our own for schemas whose packages carry none."""

from __future__ import annotations

from typing import Any

__all__ = ["FHIR", "SARIF", "STAC_COLLECTION", "STAC_ITEM", "VEGA_LITE"]

_ROWS = {"values": [{"a": "A", "b": 28}, {"a": "B", "b": 55}]}
_POSITION = {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}}

VEGA_LITE: list[Any] = [
    {"data": _ROWS, "mark": "bar", "encoding": _POSITION},
    {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": "A line with points and a rule.",
        "data": {"url": "data/stocks.csv", "format": {"type": "csv"}},
        "width": 400,
        "layer": [
            {"mark": {"type": "line", "point": True}, "encoding": _POSITION},
            {"mark": "rule", "encoding": {"y": {"datum": 30}}},
        ],
    },
    {
        "data": {"values": []},
        "transform": [{"filter": "datum.b > 10"}, {"calculate": "datum.b * 2", "as": "c"}],
        "mark": {"type": "point", "tooltip": {"content": "data"}},
        "encoding": {
            **_POSITION,
            "color": {"condition": {"param": "brush", "field": "a"}, "value": "grey"},
            "size": {"aggregate": "count"},
        },
        "params": [{"name": "brush", "select": "interval"}],
    },
    {
        "data": _ROWS,
        "facet": {"row": {"field": "a"}},
        "spec": {"mark": "tick", "encoding": {"x": {"field": "b", "bin": {"maxbins": 10}}}},
        "resolve": {"scale": {"y": "independent"}},
    },
    {
        "data": _ROWS,
        "hconcat": [
            {"mark": "arc", "encoding": {"theta": {"field": "b"}}},
            {"mark": "bar", "encoding": _POSITION},
        ],
    },
    {
        "data": _ROWS,
        "repeat": ["a", "b"],
        "spec": {"mark": "bar", "encoding": {"x": {"field": {"repeat": "repeat"}}}},
    },
]

STAC_ITEM: list[Any] = [
    {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "scene-1",
        "bbox": [172.9, 1.3, 173.0, 1.4],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[172.9, 1.3], [173.0, 1.3], [173.0, 1.4], [172.9, 1.3]]],
        },
        "properties": {"datetime": "2026-01-02T03:04:05Z", "title": "A scene", "gsd": 0.5},
        "links": [{"rel": "self", "href": "https://example.com/scene-1.json"}],
        "assets": {"visual": {"href": "https://example.com/scene-1.tif", "roles": ["visual"]}},
    },
    {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "nowhere",
        "geometry": None,
        "properties": {
            "datetime": None,
            "start_datetime": "2026-01-01T00:00:00Z",
            "end_datetime": "2026-01-02T00:00:00Z",
        },
        "links": [],
        "assets": {},
    },
]

STAC_COLLECTION: list[Any] = [
    {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "scenes",
        "description": "All scenes.",
        "license": "CC-BY-4.0",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2026-01-01T00:00:00Z", None]]},
        },
        "providers": [{"name": "Example", "roles": ["producer"]}],
        "links": [],
    }
]

SARIF: list[Any] = [
    {
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "linter",
                        "rules": [{"id": "R1", "shortDescription": {"text": "A rule."}}],
                    }
                },
                "results": [
                    {
                        "ruleId": "R1",
                        "level": "warning",
                        "message": {"text": "Unused name."},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "src/a.py", "uriBaseId": "ROOT"},
                                    "region": {"startLine": 3, "startColumn": 1},
                                }
                            }
                        ],
                    }
                ],
            }
        ],
    }
]

FHIR: list[Any] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "active": True,
        "name": [{"use": "official", "family": "Lovelace", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1815-12-10",
    },
    {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
        "subject": {"reference": "Patient/p1"},
        "valueQuantity": {"value": 72, "unit": "beats/minute"},
    },
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "id": "p1"}}],
    },
]
