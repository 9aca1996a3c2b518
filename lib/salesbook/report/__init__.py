"""The report: notebooks run on a month's run folder, published as pages.

month.py leads: run.py runs the notebooks (kernels.py starts them), export.py makes a page of each (parts.py words what
the template shows), publish.py puts the month in its place, site.py makes the indexes around it.
"""

import sys

# nbformat's validator would parse a grammar for a second, of a form of address that no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)
