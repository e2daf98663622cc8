"""The user's own copy of a vendor's OpenAPI or Swagger file, and what follows from it."""
