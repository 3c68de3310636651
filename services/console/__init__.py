"""The console: the HTTP API for marketers and operators, and history, which keeps decisions and dead letters readable."""
