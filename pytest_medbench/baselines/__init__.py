"""Baselines: the outcomes of accepted model versions, kept as syrupy snapshots beside the suites.

Only `extension` imports syrupy; the rest reads, writes and makes the files without pytest.
"""
