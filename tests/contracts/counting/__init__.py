"""A sixth task, how many objects of each class an image shows: nothing but its rooms, one a floor."""
