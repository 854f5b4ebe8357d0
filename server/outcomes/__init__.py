"""What became of the patient after the opinion, and what kind of finding the opinion was."""
