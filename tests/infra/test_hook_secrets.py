"""The secrets of webhooks in the templates: one for each, random, the same whatever else a manifest says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muster.manifest import Webhook
from stacks.config import STAGES
from tests.infra.synthesis import Synthesis, agent, synthesise

CHAT = Webhook(name="chat")
SHOP = Webhook(name="b-shop", verify="hmac", signature_header="x-shop-hmac", priority="high")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """A stage with three webhooks whose names, joined, would meet."""
    manifests = [
        agent("one", webhooks=(CHAT, SHOP)),
        agent("one-b", webhooks=(Webhook(name="shop"),)),
    ]
    return synthesise(STAGES["dev"], manifests, tmp_path_factory.mktemp("hooks"))


def _secrets(synthesis: Synthesis) -> dict[str, Any]:
    found = synthesis.resources("AWS::SecretsManager::Secret", "api")
    named = {resource.properties.get("Name", ""): resource.properties for resource in found}
    return {name: properties for name, properties in named.items() if "/hooks/" in name}


def test_each_webhook_has_a_secret_of_its_own_by_the_name_at_which_the_api_looks(stage: Synthesis):
    assert _secrets(stage).keys() == {
        "muster/dev/hooks/one/chat",
        "muster/dev/hooks/one/b-shop",
        "muster/dev/hooks/one-b/shop",
    }


def test_a_secret_is_random_base64_too_and_does_not_follow_from_the_manifest(stage: Synthesis):
    made = [properties["GenerateSecretString"] for properties in _secrets(stage).values()]
    assert all(one == made[0] for one in made)
    assert (made[0]["SecretStringTemplate"], made[0]["GenerateStringKey"]) == ("{}", "current")
    # 44 letters and digits: 33 bytes of base64, 262 random bits
    assert made[0]["PasswordLength"] == 44
    assert {"/", "+", "=", "-", '"', "\\"} <= set(made[0]["ExcludeCharacters"])


def test_no_template_holds_a_secret(stage: Synthesis):
    for name, template in stage.templates.items():
        for resource in template["Resources"].values():
            assert "SecretString" not in resource.get("Properties", {}), name
        assert "whsec_" not in json.dumps(template)


def test_the_findings_on_them_are_acknowledged_one_by_one(stage: Synthesis):
    left = [
        finding for plugin in stage.report()["pluginReports"] for finding in plugin["violations"]
    ]
    assert left == []
