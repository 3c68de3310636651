"""What clients of the console send and are answered, one file per resource."""
