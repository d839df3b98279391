"""A run as a chain of records, each holding the one before: Asked → Read → Known → Settled → Fed → Begun → Job.

Each step is a function that takes one record and gives the next. Nothing is decoded before `Fed`, nothing is written
before `Begun`.
"""
