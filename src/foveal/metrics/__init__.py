"""Metrics: functions of NumPy arrays with bootstrap intervals; no torch."""
