"""Scripts for working on this project."""
