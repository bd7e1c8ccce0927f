"""What a lock is for: a resource, named by a URI."""

import re

from .errors import UsageError

MOST_KEY = 1000  # bytes: a DynamoDB sort key has 1,024 (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)
# RFC 3986, section 3.1, in the lower case that its section 6.2.2.1 asks for; no blanks, which it has nowhere
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s\x00-\x1f\x7f]+")


def resource_key(text: str) -> str:
    """`text`, which must be a URI: two agents that name one thing differently would not notice each other.

    Raises UsageError.
    """
    if not _URI.fullmatch(text):
        raise UsageError(
            f"{text[:200]!r} is not a URI",
            hint="name the resource with a scheme, such as github://owner/repo/issues/12",
        )
    if len(text.encode("utf-8", "replace")) > MOST_KEY:
        raise UsageError(
            f"a resource's URI has at most {MOST_KEY:,} bytes",
            hint="lock something with a shorter name",
        )
    return text
