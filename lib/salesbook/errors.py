"""The errors that salesbook raises: each says what is wrong, what was found and what to do."""

import copyreg


class SalesbookError(Exception):
    """An error a person can act on.

    Rule: the message has three parts, in this order: what is wrong, what was found, what to do.
    Parameters: `wrong`, `found`, `todo`, one sentence each.
    `exit_code` is the exit code of the command line (see `salesbook --help`).
    """

    exit_code = 1

    def __init__(self, wrong: str, found: str, todo: str):
        self.wrong, self.found, self.todo = wrong, found, todo
        super().__init__(f"{wrong} {found} {todo}")

    def __reduce__(self):
        # Made again without __init__: else an error of a worker process cannot be told by its parent.
        return copyreg.__newobj__, (type(self), str(self)), self.__dict__


class PageFailed(SalesbookError):
    """A page of the report could not be made."""

    exit_code = 1


class WrongUsage(SalesbookError):
    """The command, a parameter or a call of a KPI is not one that exists."""

    exit_code = 2


class BadData(SalesbookError):
    """The data or the map cannot be read without guessing."""

    exit_code = 3


class MissingTool(SalesbookError):
    """Something that this machine should have is not there."""

    exit_code = 4
