"""Centres and surgeons: what they can do, and which of them suit a case, with reasons."""
