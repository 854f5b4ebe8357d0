"""The frames of one instance, wherever they come from and whatever they are to become."""
