"""Judging a version: eligibility, gates, evaluations and approvals."""
