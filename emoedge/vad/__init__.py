"""Voice activity detection: when someone speaks, one step upstream of voice and text."""
