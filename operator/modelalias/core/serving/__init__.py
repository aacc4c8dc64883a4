"""What the workloads of an alias run: read off their templates and pods, never remembered from a rollout."""
