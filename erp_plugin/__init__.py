"""What the tap and the target share as Singer plugins: configuration, clients, exit codes."""

from erp_plugin.cli import run
from erp_plugin.config import ErpPlugin, config_schema

__all__ = ["ErpPlugin", "config_schema", "run"]
