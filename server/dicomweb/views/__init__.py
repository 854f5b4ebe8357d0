"""What a caller gets to see: their scope, plain or under pseudonyms, and what is current."""
