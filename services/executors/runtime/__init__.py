"""What stands around every action: reading commands, settling them, and starting over after any failure."""
