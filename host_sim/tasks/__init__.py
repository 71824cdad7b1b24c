"""What there is to learn: data sets, tasks made of them, and a network for each."""
