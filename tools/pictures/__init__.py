"""Pictures of docs/ that show what people see of the commands."""
