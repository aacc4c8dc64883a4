"""The clients of other systems, behind the ports.

MLflow's package reports its use to its makers and takes over logging when it is imported, both decided by the
environment at that moment; an operator does neither. This is the one place that says so, and it runs before
any adapter's import.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
