"""What learns and shows it: `make demo`, and the pictures of docs/method.md."""
