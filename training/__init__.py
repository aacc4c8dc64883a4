"""A small, real pipeline for the models of the examples: train, register, evaluate, serve.

The operator knows nothing of this package: they meet in the MLflow registry and in a Deployment's
`MODEL_URI`. Commands: `python -m training.train`, `python -m training.register`, `python -m
training.evaluate`, `python -m training.serve`, `python -m training.data`. What is an example's own stands in
`training/pipelines`.
"""
