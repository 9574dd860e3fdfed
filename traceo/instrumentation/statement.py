"""What an SQL text does, and to which table, as far as its first words tell: ``("SELECT", "orders")``.

Not a parser: low cardinality and cheap come first, and a text that is not understood has no table. Texts are
remembered (an application has few, and sends them often).
"""

import functools
import re
from typing import Final

__all__ = ["describe"]

_HEAD: Final = 4096
"""Characters looked at; a table further down is not worth the time."""

_NAME: Final = r'(?:[\w$]++|"[^"\n]{1,128}"|`[^`\n]{1,128}`|\[[^\]\n]{1,128}\])'
_NO_CALL: Final = r"(?!\s*\()"
_TABLE: Final = rf"(?:ONLY\s+)?({_NAME}(?:\s*\.\s*{_NAME}){{0,3}}+){_NO_CALL}"
_LEADING: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z]+")
_WITH: Final = re.compile(r"\)\s*(SELECT|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)

_BEFORE_TABLE: Final = {
    "SELECT": re.compile(rf"\bFROM\s+{_TABLE}", re.IGNORECASE),
    "DELETE": re.compile(rf"\bFROM\s+{_TABLE}", re.IGNORECASE),
    "INSERT": re.compile(r"\bINTO\s+" + _TABLE.replace(_NO_CALL, ""), re.IGNORECASE),
    "REPLACE": re.compile(r"\bINTO\s+" + _TABLE.replace(_NO_CALL, ""), re.IGNORECASE),
    "MERGE": re.compile(rf"\bINTO\s+{_TABLE}", re.IGNORECASE),
    "UPDATE": re.compile(rf"\bUPDATE\s+(?:OR\s+\w+\s+)?{_TABLE}", re.IGNORECASE),
    "COPY": re.compile(rf"\bCOPY\s+{_TABLE.replace(_NO_CALL, '')}", re.IGNORECASE),
    "TRUNCATE": re.compile(rf"\bTRUNCATE\s+(?:TABLE\s+)?{_TABLE}", re.IGNORECASE),
}
_TABLE_DDL: Final = re.compile(
    r"\bTABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?" + _TABLE.replace(_NO_CALL, ""), re.IGNORECASE
)
_OTHERS: Final = """
    ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT CLOSE COMMENT COMMIT CREATE DEALLOCATE DECLARE DESCRIBE DETACH
    DISCARD DO DROP EXEC EXECUTE EXPLAIN FETCH GRANT LISTEN LOAD LOCK MOVE NOTIFY OPTIMIZE PRAGMA PREPARE
    REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SET SHOW START UNLISTEN UNLOCK USE VACUUM VALUES
    WITH
"""
_OPERATIONS: Final = frozenset({*_BEFORE_TABLE, *_OTHERS.split()})


def describe(text: str) -> tuple[str, str]:
    """The operation in capitals and the first table it names; ``""`` for what is not to be seen.

    >>> describe("select id from shop.orders where id = 7")
    ('SELECT', 'shop.orders')
    """
    # What is remembered is bounded: a statement with a thousand rows in it may be megabytes.
    return _describe(text if len(text) <= _HEAD else text[:_HEAD])


@functools.lru_cache(maxsize=1024)
def _describe(head: str) -> tuple[str, str]:
    start = _LEADING.match(head)
    word = _WORD.match(head, start.end() if start else 0)
    if word is None:
        return "", ""
    operation = word[0].upper()
    if operation not in _OPERATIONS:
        return "", ""  # not a statement we know: a word of the caller's must not become a span name
    position = word.start()
    if operation == "WITH":
        main = _WITH.search(head, position)
        if main is None:
            return operation, ""
        operation, position = main[1].upper(), main.start(1)
    pattern = _BEFORE_TABLE.get(operation)
    if pattern is None and operation in {"CREATE", "ALTER", "DROP"}:
        pattern = _TABLE_DDL
    found = pattern.search(head, position) if pattern else None
    if found is None:
        return operation, ""
    return operation, "".join(part.strip('"`[] ') + "." for part in found[1].split(".")).rstrip(".")
