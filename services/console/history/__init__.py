"""History: the log's decisions and dead letters as rows, so that any interaction can be explained later."""
