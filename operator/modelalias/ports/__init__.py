"""What the core's answers need from outside, in our own words.

Each port names what it raises. The adapters implement the ports; fakes keep state and fail as the real ones
do, and the same contract suite runs on both.
"""

from modelalias.ports.admission import Admission
from modelalias.ports.around import Cluster, Servers
from modelalias.ports.channel import (
    Channel,
    Letter,
    Severity,
)
from modelalias.ports.jobs import Job, JobRef, Jobs, JobState, NewJob
from modelalias.ports.lead import (
    Lead,
)
from modelalias.ports.metrics_source import (
    MetricsSource,
)
from modelalias.ports.notary import (
    Notary,
    SigningKeys,
    Verifier,
)
from modelalias.ports.objects import EventType, Involved, Objects
from modelalias.ports.pods import (
    Pod,
    PodAnswer,
    PodRef,
    Pods,
)
from modelalias.ports.policies import (
    GivenPolicy,
    PolicyId,
)
from modelalias.ports.registry import (
    Aliases,
    DataPointer,
    Dataset,
    EvaluationRun,
    LiveMetric,
    MeasuredModel,
    Measurement,
    MetricValue,
    ModelVersion,
    RegisteredModel,
    Registry,
    Run,
    RunDetails,
    RunStatus,
    VersionState,
)
from modelalias.ports.routes import (
    Route,
    RouteBackend,
    RouteRef,
    RouteRule,
    Routes,
)
from modelalias.ports.telemetry import (
    SILENT,
    TIMED,
    CallOutcome,
    FailureKind,
    NotificationOutcome,
    RequestEnd,
    Telemetry,
)
from modelalias.ports.workloads import Replicas, Variable, Workload, WorkloadChange, WorkloadRef, Workloads

__all__ = [
    "SILENT",
    "TIMED",
    "Admission",
    "Aliases",
    "CallOutcome",
    "Channel",
    "Cluster",
    "DataPointer",
    "Dataset",
    "EvaluationRun",
    "EventType",
    "FailureKind",
    "GivenPolicy",
    "Involved",
    "Job",
    "JobRef",
    "JobState",
    "Jobs",
    "Lead",
    "Letter",
    "LiveMetric",
    "MeasuredModel",
    "Measurement",
    "MetricValue",
    "MetricsSource",
    "ModelVersion",
    "NewJob",
    "Notary",
    "NotificationOutcome",
    "Objects",
    "Pod",
    "PodAnswer",
    "PodRef",
    "Pods",
    "PolicyId",
    "RegisteredModel",
    "Registry",
    "Replicas",
    "RequestEnd",
    "Route",
    "RouteBackend",
    "RouteRef",
    "RouteRule",
    "Routes",
    "Run",
    "RunDetails",
    "RunStatus",
    "Servers",
    "Severity",
    "SigningKeys",
    "Telemetry",
    "Variable",
    "Verifier",
    "VersionState",
    "Workload",
    "WorkloadChange",
    "WorkloadRef",
    "Workloads",
]
