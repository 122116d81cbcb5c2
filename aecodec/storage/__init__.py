"""Files: found below folders, written whole or not at all, on this machine or in a store."""
