"""One file per endpoint: it translates between HTTP and the steps of acceptance."""
