"""What comes by a browser: kept while it comes, unpacked, judged file by file."""
