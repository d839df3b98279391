"""Losses: `names` lists them and loads no torch; `classification` holds them as pure functions."""
