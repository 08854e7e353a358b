"""Short names for sets of instances, such as ``ta51-80``."""

import re

from copt.errors import CoptError

__all__ = ["expand"]

MAX_MEMBERS = 10_000
_RANGE = re.compile(r"(?P<stem>[A-Za-z_]+)(?P<first>[0-9]{1,9})-(?:(?P=stem))?(?P<last>[0-9]{1,9})", re.ASCII)


def expand(names: str) -> list[str]:
    """Return the names of the instances that ``names`` stands for.

    A set is a list of names and ranges with commas between them: ``ft10,ta01-ta03`` and ``ft10,ta01-03`` both
    stand for ft10, ta01, ta02 and ta03. The numbers of a range have as many digits as its first one.

    Raises:
        CoptError: If a range runs backwards or has more than 10,000 members.
    """
    members: list[str] = []
    for part in filter(None, (word.strip() for word in names.split(","))):
        match = _RANGE.fullmatch(part)
        if match is None:
            members.append(part)
            continue
        first, last = int(match["first"]), int(match["last"])
        if not 0 <= last - first < MAX_MEMBERS:
            raise CoptError(f"range '{part}' must rise and have at most {MAX_MEMBERS} members; write it as ta51-80")
        members += [f"{match['stem']}{number:0{len(match['first'])}d}" for number in range(first, last + 1)]
    return members
