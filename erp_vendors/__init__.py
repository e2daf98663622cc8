"""What each vendor's API is like; the package knows nothing of Singer.

Comments name the vendor's fact sheet and its section, as in "aim.md 3.1", and how sure a fact is:
DOC is stated in the vendor's public documents, OBS was seen in public client code, INF is assumed,
UNK is not known (docs/vendors/README.md).
"""
