"""What is learned from all cases: figures with their denominators, claims beside them, the export."""
