"""Several surgeons on one case: blinded votes, the rule that decides, the discussion, the conclusion."""
