"""A trained network in other engines' formats: one file a format, each imported only where it is used."""
