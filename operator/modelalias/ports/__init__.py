"""What the core's answers need from outside, in our own words.

Each port names what it raises. The adapters implement the ports; fakes keep state and fail as the real ones
do, and the same contract suite runs on both.
"""

from modelalias.ports.around import Cluster
from modelalias.ports.cluster import (
    Admission,
    EventType,
    Involved,
    Job,
    JobRef,
    Jobs,
    JobState,
    NewJob,
    Objects,
    Replicas,
    Variable,
    Workload,
    WorkloadChange,
    WorkloadRef,
    Workloads,
)
from modelalias.ports.lead import (
    Lead,
)
from modelalias.ports.notary import (
    Notary,
    SigningKeys,
    Verifier,
)
from modelalias.ports.pods import (
    Pod,
    PodAnswer,
    PodRef,
    Pods,
)
from modelalias.ports.registry import (
    Aliases,
    Dataset,
    EvaluationRun,
    MeasuredModel,
    Measurement,
    MetricValue,
    ModelVersion,
    Registry,
    Run,
    RunStatus,
    VersionState,
)

__all__ = [
    "Admission",
    "Aliases",
    "Cluster",
    "Dataset",
    "EvaluationRun",
    "EventType",
    "Involved",
    "Job",
    "JobRef",
    "JobState",
    "Jobs",
    "Lead",
    "MeasuredModel",
    "Measurement",
    "MetricValue",
    "ModelVersion",
    "NewJob",
    "Notary",
    "Objects",
    "Pod",
    "PodAnswer",
    "PodRef",
    "Pods",
    "Registry",
    "Replicas",
    "Run",
    "RunStatus",
    "SigningKeys",
    "Variable",
    "Verifier",
    "VersionState",
    "Workload",
    "WorkloadChange",
    "WorkloadRef",
    "Workloads",
]
