"""What the channels of the configuration can be told of, by the names that routes use."""

from enum import StrEnum


class Occasion(StrEnum):
    """Something that happened to a request or to an alias."""

    # of a request: the phases in which somebody may have to act, or in which it ends
    AWAITING_APPROVAL = "AwaitingApproval"
    APPROVED = "Approved"
    """One more approval is valid; others may be missing."""
    SUCCEEDED = "Succeeded"
    REJECTED = "Rejected"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    ERRORED = "Errored"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"
    EXPIRED = "Expired"

    # of an alias: each entry of the history, also of what has no request
    MOVED = "Moved"
    NOT_MOVED = "NotMoved"
    """A move that failed, was undone or was stopped."""

    # of an alias: what keeps it from being well, and that it is well again
    STALLED = "Stalled"
    DRIFTED = "Drifted"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_REACHABLE = "RegistryReachable"
    IDENTITY_UNPROVED = "IdentityUnproved"
    HELD = "Held"
    HOLD_RELEASED = "HoldReleased"
    MONITOR_BREACHED = "MonitorBreached"
    MONITOR_SILENT = "MonitorSilent"
    NOT_ROLLED_OUT = "NotRolledOut"
    ROLLED_OUT = "RolledOut"
    NOT_VERIFIED = "NotVerified"
    TRAFFIC_MOVED = "TrafficMoved"
    TRAFFIC_NOT_ROUTED = "TrafficNotRouted"
