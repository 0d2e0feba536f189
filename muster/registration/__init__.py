"""Registration: how manifests become rows of the registry, whoever asks for it."""

from muster.registration.failure import RegistrationFailed
from muster.registration.registrar import Registered, Registrar, register_manifests
from muster.registration.row import http_endpoint, row

__all__ = [
    "Registered",
    "Registrar",
    "RegistrationFailed",
    "http_endpoint",
    "register_manifests",
    "row",
]
