"""What can be typed behind `finish`: each reads its options, does its one thing and returns an exit code."""
