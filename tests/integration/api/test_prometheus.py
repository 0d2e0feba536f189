"""A real Prometheus, where the machine has one, scrapes API and listener and answers for every panel."""

from __future__ import annotations

import http
import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ecs_listener.health import Health, HealthServer
from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api
from tests.support.grafana import DASHBOARDS, GRAFANA, expressions
from tests.support.listener_text import listener_text
from tests.support.source import ROOT
from tests.support.waiting import wait_until
from tests.support.wsgi import wsgi

HERE = "127.0.0.1"


#: Where `make prometheus` puts it.
FETCHED = ROOT / ".muster" / "prometheus" / "usr" / "bin"
#: Where it is to be asked, as its log says once it listens.
_LISTENS = re.compile(r'"Listening on".*\baddress=(\S+)')


def _binary() -> str | None:
    return shutil.which("prometheus") or shutil.which("prometheus", path=str(FETCHED))


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def _api_over_http(api: Api) -> Iterator[str]:
    server = make_server(HERE, 0, wsgi(api.application), handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{HERE}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _prometheus(binary: str, configuration: dict[str, Any], place: Path) -> Iterator[str]:
    (place / "prometheus.yml").write_text(yaml.safe_dump(configuration), "utf-8")
    command = [
        binary,
        f"--config.file={place / 'prometheus.yml'}",
        f"--storage.tsdb.path={place / 'data'}",
        f"--web.listen-address={HERE}:0",
    ]
    log = place / "log"
    with log.open("wb") as told, subprocess.Popen(command, stderr=told) as process:
        try:
            listens = wait_until(lambda: _LISTENS.search(log.read_text("utf-8")), within=120)
            yield f"http://{listens[1]}"
        finally:
            process.terminate()


def _ask(prometheus: str, expression: str) -> list[dict[str, Any]]:
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return json.load(reply)["data"]["result"]
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.SERVICE_UNAVAILABLE:
            return []  # it listens, and still reads what it has stored
        pytest.fail(f"{expression}: {error.read().decode()}")
    except OSError:
        return []  # it has not begun to listen


def _configured(place: Path, *, api: str, key: str, listener: str) -> dict[str, Any]:
    """The configuration that ships, with addresses of this machine, and in a hurry."""
    said = yaml.safe_load((GRAFANA / "prometheus.yml").read_text("utf-8"))
    said["global"]["scrape_interval"] = said["global"]["scrape_timeout"] = "5s"
    of_api, of_listeners = said["scrape_configs"]
    (place / "key").write_text(key, "utf-8")
    of_api["scheme"] = "http"
    of_api["authorization"]["credentials_file"] = str(place / "key")
    of_api["static_configs"] = [{"targets": [api]}]
    (place / "listeners.json").write_text(json.dumps([{"targets": [listener]}]), "utf-8")
    of_listeners["file_sd_configs"] = [{"files": [str(place / "listeners.json")]}]
    return said


def test_what_is_scraped_over_http_is_read_and_answers_every_panel(
    everything: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    health = Health(
        instance_id="i-1", alive=True, ready=True, is_leader=True, problems=(), details={}
    )
    listener = HealthServer(host=HERE, port=0, health=lambda: health, metrics=listener_text)
    listener.start()
    key = everything.new_key(Role.VIEWER)
    with _api_over_http(everything) as api:
        # Given that both answer a scrape with text that Prometheus's own parser reads
        for address in (api, f"{HERE}:{listener.port}"):
            asked = urllib.request.Request(
                f"http://{address}/metrics", headers={"Authorization": f"Bearer {key}"}
            )
            with urllib.request.urlopen(asked, timeout=30) as reply:
                assert list(text_string_to_metric_families(reply.read().decode()))
        binary = _binary()
        if binary is None:
            with capsys.disabled():
                print(
                    f"\nNOT SCRAPED BY A REAL PROMETHEUS: none on the PATH, none in {FETCHED};"
                    " `make prometheus` fetches Debian's"
                )
            return
        # When the configuration that ships scrapes them
        said = _configured(tmp_path, api=api, key=key, listener=f"{HERE}:{listener.port}")
        with _prometheus(binary, said, tmp_path) as prometheus:
            # Then every expression of every panel has an answer
            for dashboard in DASHBOARDS:
                for expression in expressions(dashboard):
                    asked_for = expression.replace("$agent", AGENT)
                    wait_until(partial(_ask, prometheus, asked_for), within=300, every=0.1)
