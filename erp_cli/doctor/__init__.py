"""The subcommand `erp doctor`: what a vendor's account is like, and the configuration that fits."""
