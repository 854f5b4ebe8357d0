"""What clients take and what bodies are made of: media types, multipart, ranges."""
