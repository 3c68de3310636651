"""The calls of the API, one file per resource: translate, check, write in one transaction, answer once it is published."""
