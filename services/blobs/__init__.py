"""Where hosted files' bytes are kept: the console writes them, ingest reads them."""
