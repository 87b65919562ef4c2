"""Conditions, reasons and steps in the controllers' own words.

Reasons: fluxcd/pkg/apis/meta v1.30.1 conditions.go, helm-controller v1.6.3 api/v2/condition_types.go and
source-controller v1.9.3 internal/helm/chart/errors.go. Steps: the start of the message of the Reconciling condition
(kustomize-controller v1.9.4 kustomization_controller.go reconcile; helm-controller v1.6.3 helmrelease_controller.go
reconcileRelease).
"""

from __future__ import annotations

TRUE, FALSE, UNKNOWN, ABSENT = "True", "False", "Unknown", ""
"""Status of the Ready condition; ABSENT = the object has none yet."""

PROGRESSING = "Progressing"
SUCCEEDED = "Succeeded"
RECONCILIATION_SUCCEEDED = "ReconciliationSucceeded"
RECONCILIATION_FAILED = "ReconciliationFailed"
ARTIFACT_FAILED = "ArtifactFailed"
ACCESS_DENIED = "AccessDenied"
"""fluxcd/pkg/apis/acl conditions.go."""
INVALID_CHART_REFERENCE = "InvalidChartReference"
BUILD_FAILED = "BuildFailed"
DEPENDENCY_NOT_READY = "DependencyNotReady"
HEALTH_CHECK_FAILED = "HealthCheckFailed"
HEALTH_CHECK_CANCELED = "HealthCheckCanceled"
SOURCE_NOT_READY = "SourceNotReady"
VALUES_ERROR = "ValuesError"
INSTALL_SUCCEEDED = "InstallSucceeded"
INSTALL_FAILED = "InstallFailed"
UPGRADE_SUCCEEDED = "UpgradeSucceeded"
UPGRADE_FAILED = "UpgradeFailed"
RETRIES_EXCEEDED = "RetriesExceeded"
STALLED = "Stalled"

WAITS = (DEPENDENCY_NOT_READY, ARTIFACT_FAILED, SOURCE_NOT_READY)
"""Reasons of a reconcile that ended before it began in earnest: a dependency or a source is wanting."""

# Reasons of events that are not conditions of a Flux object.
DELETED = "Deleted"
"""The object is gone from the cluster."""
CURRENT = "Current"
"""kstatus: the object has reached its desired state."""

NOT_OBSERVED = "LatestGenerationNotObserved"
"""kstatus: the object was changed, and its controller has not seen that yet."""

FETCHING = "Fetching manifests"
BUILDING = "Building manifests"
APPLYING = "Detecting drift"
HEALTH_CHECKS = "Running health checks"
PREREQUISITES = "Fulfilling prerequisites"
INSTALLING = "Running 'install' action"
UPGRADING = "Running 'upgrade' action"
UNINSTALLING = "Running 'uninstall' action"

STEPS = (FETCHING, BUILDING, APPLYING, HEALTH_CHECKS, PREREQUISITES, INSTALLING, UPGRADING, UNINSTALLING)


def step_of(message: str) -> str | None:
    """The step that a Reconciling message announces, or None."""
    for step in STEPS:
        if message.startswith(step):
            return step
    return None
