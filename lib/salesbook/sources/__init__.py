"""Sources: what a CRM gives, read strictly into the canonical tables; every row is loaded, or quarantined with why.

`files` finds the files and `copies` copies them; `reader` makes rows of text of their bytes, with `framing` for where
records end and `sheets` for Excel and Parquet; `plan` matches columns by name; `form` and `cast` turn text into values,
`usual` does so faster where all is as usual, and `blocks` asks the one or the other; `checks` holds the rules;
`quarantine` writes what was rejected; `intake` puts it all together. `survey` looks at an export of which nothing is
known; `recognition`, `naming`, `contents` and `linking` propose a map for it, `asking` asks what they leave open.
"""

from salesbook.sources.imports import Import
from salesbook.sources.intake import load

__all__ = ["Import", "load"]
