"""`make demo`, and the pictures of docs/method.md."""
