"""What speaks to the world outside: the database, later mail servers, HTTP and Lambda."""
