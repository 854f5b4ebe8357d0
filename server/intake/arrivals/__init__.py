"""Studies as they come in: followed, matched to cases, held, taken apart, decided."""
