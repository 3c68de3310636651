"""Action types, one file each: the parameters that a marketer sets, and what a command carries where that differs."""
