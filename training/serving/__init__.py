"""The serving app: one process that answers for one version of any registered model."""
