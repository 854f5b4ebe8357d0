"""Everything that can be done on the pages, as JSON for programs, and its description (OpenAPI)."""
