"""Where flux-operator installs Flux: a patch of the controllers goes into the FluxInstance, or the values that make it.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/fluxinstance_types.go Kustomize (``patches`` as kustomize's).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fleetbench.decide.patch.yaml_edit import NotEditable, add_item, document_of
from fleetbench.ids import ObjectId, say
from fleetbench.repo import Reading
from fleetbench.repo.install.instance import INSTANCE_CHART
from fleetbench.repo.kinds import INSTANCE_GROUP
from fleetbench.repo.manifest import mapping


class InstancePlace(NamedTuple):
    """The object of the repository that holds a FluxInstance's spec."""

    object: ObjectId
    file: str
    line: int | None
    path: tuple[str, ...]
    """Where in it: keys down to the FluxInstance's ``spec``."""

    @property
    def patches(self) -> tuple[str, ...]:
        """Keys down to its list of patches."""
        return (*self.path, "kustomize", "patches")

    def add(self, lines: Sequence[str], read: Callable[[str], str], write: Callable[[str, str], None]) -> str | None:
        """Add a patch.

        Args:
            lines: the patch and its target, as an item of the list.
            read: path -> its text now.
            write: takes a path and its new text.

        Returns:
            Why not; None = it is written.
        """
        try:
            text = read(self.file)
            document = document_of(text, self.object, self.line)
            write(self.file, add_item(text, document, self.patches, lines, below=len(self.path)))
        except NotEditable as error:
            return f"{self.file}: {error}; add it to {'.'.join(self.patches)} of {say(self.object)}"
        return None


def instance_place(reading: Reading) -> InstancePlace | None:
    """The first FluxInstance, or release of its chart that states its values itself; None = the repository holds none."""
    for kustomization, manifests in reading.rendered.items():
        for manifest in manifests:
            id = manifest.id_in(kustomization.namespace)
            if manifest.file is None:
                continue
            if manifest.is_flux(INSTANCE_GROUP, "FluxInstance"):
                return InstancePlace(id, manifest.file, manifest.line, ("spec",))
            release = reading.fleet.helmrelease(id)
            made = release is not None and release.chart == INSTANCE_CHART
            if made and mapping(manifest.spec, "values", "instance"):
                return InstancePlace(id, manifest.file, manifest.line, ("spec", "values", "instance"))
    return None
