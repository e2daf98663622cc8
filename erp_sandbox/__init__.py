"""ERP vendors' HTTP APIs played on loopback, for trying the plugins without an account.

The package reads the vendor fact sheets on its own and imports nothing of the tap, the
target or the vendor clients, so that a misreading shows up as a failing test.

Each vendor is a sub-package that exports ``VENDOR``, a subclass of
:class:`erp_sandbox.vendor.SandboxVendor`; it needs no registration.

Comments name sections of the vendor's fact sheet, and how sure a fact is: DOC is stated in public
documents, OBS was seen in public client code (v: of the vendor's staff), INF is assumed, UNK is
not known.
"""
