"""Rows of panels as Grafana stores them: schema 39, which Grafana 10 and later read."""

from collections.abc import Iterable, Iterator
from string import ascii_uppercase
from typing import Any

from dashboard.model import Number, Panel, Query, Row

Object = dict[str, Any]

SCHEMA = 39
COLUMNS = 24
GRAPH_HEIGHT = 8
NUMBER_HEIGHT = 4
SOURCE: Object = {"type": "prometheus", "uid": "${datasource}"}
SERIES = 'namespace=~"$namespace", job=~"$job", instance=~"$instance"'
BUILDS = '__name__=~"dkron_(operator|api)_build_info"'
DOCS = "https://dkron-operator.github.io/dkron-operator/alerts/"


def dashboard(rows: Iterable[Row]) -> Object:
    """The whole of it."""
    return {
        "uid": "dkron-operator",
        "title": "dkron-operator",
        "description": "Whether jobs run on time, and what the operator and the REST API do and cost.",
        "tags": ["dkron", "kubernetes"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "timezone": "browser",
        "links": [
            {"type": "link", "title": "Alerts and runbooks", "url": DOCS, "icon": "doc", "targetBlank": True},
        ],
        "annotations": {"list": []},
        "templating": {"list": list(_variables())},
        "panels": list(_panels(rows)),
    }


def _variables() -> Iterator[Object]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    yield _values("namespace", f"{{{BUILDS}}}")
    yield _values("job", f'{{{BUILDS}, namespace=~"$namespace"}}')
    yield _values("instance", f'{{{BUILDS}, namespace=~"$namespace", job=~"$job"}}')


def _values(label: str, selector: str) -> Object:
    """A choice of several values that a label has."""
    query = f"label_values({selector}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"variable-{label}"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _panels(rows: Iterable[Row]) -> Iterator[Object]:
    for number, (place, shown) in enumerate(_places(rows), 1):
        yield {"id": number, "gridPos": place, **_drawn(shown)}


def _places(rows: Iterable[Row]) -> Iterator[tuple[Object, Row | Panel | Number]]:
    """What is shown, from left to right and from top to bottom."""
    top = 0
    for row in rows:
        yield {"x": 0, "y": top, "w": COLUMNS, "h": 1}, row
        left, top, height = 0, top + 1, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top = 0, top + height
            height = NUMBER_HEIGHT if isinstance(panel, Number) else GRAPH_HEIGHT
            yield {"x": left, "y": top, "w": panel.width, "h": height}, panel
            left += panel.width
        top += height


def _drawn(shown: Row | Panel | Number) -> Object:
    match shown:
        case Row():
            return {"type": "row", "title": shown.title, "collapsed": False, "panels": []}
        case Number():
            return _number(shown)
        case Panel():
            return _graph(shown)


def _graph(panel: Panel) -> Object:
    stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    custom = {"fillOpacity": 20 if panel.stacked else 5, "lineWidth": 1, "showPoints": "never", "stacking": stacking}
    return {
        "type": "timeseries",
        **_heading(panel),
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [_target(query, letter) for letter, query in zip(ascii_uppercase, panel.queries, strict=False)],
    }


def _number(panel: Number) -> Object:
    defaults = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": _steps(panel)}}
    return {
        "type": "stat",
        **_heading(panel),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "colorMode": "value",
            "graphMode": "none",
            "textMode": "name" if panel.text else "value",
            "justifyMode": "center",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        "targets": [{**_target(panel.query, "A"), "instant": True, "range": False}],
    }


def _steps(panel: Number) -> list[Object]:
    if panel.none_is_bad:
        return [{"color": "red", "value": None}, {"color": "green", "value": 1}]
    worse: list[Object] = [] if panel.bad is None else [{"color": "red", "value": panel.bad}]
    return [{"color": "green", "value": None}, *worse]


def _heading(panel: Panel | Number) -> Object:
    return {"title": panel.title, "description": panel.description, "datasource": SOURCE}


def _target(query: Query, letter: str) -> Object:
    return {
        "refId": letter,
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expression.replace("SERIES", SERIES),
        "legendFormat": query.legend or "__auto",
        "range": True,
    }
