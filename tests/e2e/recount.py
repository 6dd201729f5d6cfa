"""A recount of a file of posts, by plain Python: shares no code and no SQL with the service.

usage: python tests/e2e/recount.py FILE.jsonl[.gz] BRAND [BRAND …]

Prints brand, minute and number of mentions. Knows only what the subjects of the real files need:
a brand is its name, found anywhere in Chinese and as whole words otherwise, whatever the case.
"""

import gzip
import json
import re
import sys
from collections import Counter
from datetime import UTC, datetime


def posts_of(path, limit=None):
    """The posts of a file by (source, post_id); the last line of a post is its final form."""
    opener = gzip.open if str(path).endswith(".gz") else open
    posts = {}
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if limit is not None and number >= limit:
                break
            post = json.loads(line)
            posts[post["source"], post["post_id"]] = post
    return list(posts.values())


def names(brand, text):
    """Whether a text names a brand."""
    if not brand.isascii():
        return brand in text
    # A letter of a script with spaces on either side makes it another word.
    spaced = r"[0-9A-Za-z_\u00aa-\u0dff\u1e00-\u1fff]"
    return (
        re.search(f"(?<!{spaced}){re.escape(brand)}(?!{spaced})", text, re.IGNORECASE) is not None
    )


def recount(posts, brands):
    """Mentions by (brand, minute in UTC)."""
    counts = Counter()
    for post in posts:
        minute = datetime.fromisoformat(post["created_at"]).astimezone(UTC)
        minute = minute.replace(second=0, microsecond=0)
        for brand in brands:
            if names(brand, post["text"]):
                counts[brand, minute] += 1
    return counts


if __name__ == "__main__":
    for (brand, minute), number in sorted(recount(posts_of(sys.argv[1]), sys.argv[2:]).items()):
        print(brand, minute.isoformat(), number, sep="\t")
