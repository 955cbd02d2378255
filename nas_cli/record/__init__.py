"""What a run leaves on disk, and how it is read: its directory, its journal, the files in it. It knows no engine."""
