"""Trained weights from elsewhere: found, read, renamed and fitted to a new network."""
