"""The files of a run and their readers: its directory and its journal. This room does not know the engine."""
