"""What goes wrong with the local cloud, in one line with the cure."""

from __future__ import annotations

from muster.errors import MusterError


class LocalCloudError(MusterError):
    """The local cloud could not do what it was asked."""

    code = "local_cloud"


class NotRunning(LocalCloudError):
    """The local cloud is not running. Start it with `muster up`."""

    code = "not_running"


class DeployFailed(LocalCloudError):
    """The deploy failed."""

    code = "deploy_failed"
