"""Which custom resources a controller makes a Secret of, and what that is called."""

from __future__ import annotations

from fleetbench.repo.manifest import Manifest, mapping

SECRET_MAKERS = ("ExternalSecret", "SealedSecret", "Certificate")
"""Kinds of which a controller makes a Secret."""


def made_secret(manifest: Manifest) -> str:
    """The Secret that an ExternalSecret, SealedSecret or Certificate makes."""
    if manifest.kind == "Certificate":
        return str(manifest.spec.get("secretName") or manifest.name)
    place = (
        mapping(manifest.spec, "target")
        if manifest.kind == "ExternalSecret"
        else mapping(manifest.spec, "template", "metadata")
    )
    return str(place.get("name") or manifest.name)
