"""One file per action type: what its parameters must be. The effect itself is a statement over many prospects."""
