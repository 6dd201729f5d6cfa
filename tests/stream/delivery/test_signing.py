"""Signatures: checked by the reference library, by other languages, and by the products' rules."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from stream.delivery.render import encode, render
from stream.delivery.signing import Request, signed
from tests.stream.delivery.notices import notice, receiver
from tests.stream.hooks import OTHER_SECRET, SECRET

ROOT = Path(__file__).parents[3]
NOW = datetime.now(UTC)
BODY = render(notice(), receiver("generic"))  # with emoji and Chinese

# As a receiver in this language would: prints 1 for a signature that holds.
NODE = """
const [secret, id, time, given] = process.argv.slice(1), crypto = require("crypto");
const body = require("fs").readFileSync(0);
const mac = crypto.createHmac("sha256", Buffer.from(secret.slice(6), "base64"));
const want = "v1," + mac.update(`${id}.${time}.`).update(body).digest("base64");
console.log(given.split(" ").includes(want) ? 1 : 0);
"""
OPENSSL = """
key=$(printf %s "${1#whsec_}" | openssl base64 -d -A | od -An -tx1 | tr -d ' \\n')
want=v1,$({ printf %s "$2.$3."; cat; } |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
case " $4 " in *" $want "*) echo 1;; *) echo 0;; esac
"""


def generic(*secrets: str, now: datetime | None = None) -> Request:
    """Signed now: what checks it lives by the wall clock, whenever the test is run."""
    at = now or datetime.now(UTC)
    return signed(receiver("generic", secrets=list(secrets)), "msg_1", BODY, at)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    request = generic(SECRET, now=datetime.now(UTC) + timedelta(minutes=minutes))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.content.decode(), request.headers)


def test_the_zone_of_the_clock_does_not_matter() -> None:
    now = datetime.now(UTC)
    request = generic(SECRET, now=now.astimezone(timezone(timedelta(hours=8))))
    assert Webhook(SECRET).verify(request.content.decode(), request.headers) == BODY
    assert request.headers == generic(SECRET, now=now).headers


def test_another_body_is_refused() -> None:
    request = generic(SECRET)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.content.decode() + " ", request.headers)


@pytest.mark.parametrize(
    "command", [["node", "-e", NODE], ["sh", "-c", OPENSSL, "verify"]], ids=["node", "openssl"]
)
def test_other_languages_verify_it_during_a_rotation_too(command: list[str]) -> None:
    if not shutil.which(command[0]) or not shutil.which("openssl"):
        pytest.skip(f"needs {command[0]} and openssl")
    request = generic(SECRET, OTHER_SECRET)
    of_headers = [request.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")]

    def verdict(secret: str, content: bytes) -> str:
        arguments = [*command, secret, *of_headers]
        done = subprocess.run(arguments, input=content, capture_output=True, check=True)
        return done.stdout.decode().strip()

    assert verdict(SECRET, request.content) == verdict(OTHER_SECRET, request.content) == "1"
    assert verdict(SECRET, request.content + b" ") == "0"


def test_feishu_signs_in_the_body() -> None:
    """By the rule of its documentation: nothing, keyed by seconds, a line end and the secret."""
    request = signed(receiver("feishu", secrets=["demo"]), "msg_1", {"msg_type": "text"}, NOW)
    seconds = str(int(NOW.timestamp()))
    want = base64.b64encode(hmac.digest(f"{seconds}\ndemo".encode(), b"", "sha256")).decode()
    told = {"timestamp": seconds, "sign": want, "msg_type": "text"}
    assert (request.content, request.headers) == (encode(told), {})


def test_dingtalk_signs_in_the_url() -> None:
    url = "https://oapi.example.com/robot/send?access_token=abc"
    request = signed(receiver("dingtalk", url=url, secrets=["SECx"]), "msg_1", {"a": 1}, NOW)
    query = parse_qs(urlsplit(request.url).query, strict_parsing=True)
    [milliseconds] = query["timestamp"]
    assert int(milliseconds) == int(NOW.timestamp() * 1000)
    mac = hmac.new(b"SECx", f"{milliseconds}\nSECx".encode(), hashlib.sha256)
    assert query["sign"] == [base64.b64encode(mac.digest()).decode()]
    assert request.url.startswith(url + "&")
    assert (request.content, request.headers) == (b'{"a":1}', {})


@pytest.mark.parametrize("product", ["slack", "teams", "wecom", "feishu", "dingtalk"])
def test_without_a_secret_nothing_is_signed(product: str) -> None:
    plain = receiver(product)  # type: ignore[arg-type]
    request = signed(plain, "msg_1", {"a": 1}, datetime.now(UTC))
    assert (request.url, request.content) == (plain.url.get_secret_value(), b'{"a":1}')
    assert request.headers == {}


def test_a_product_with_a_standard_secret_is_signed_the_standard_way() -> None:
    request = signed(receiver("slack", secrets=[SECRET]), "msg_1", {"a": 1}, datetime.now(UTC))
    assert Webhook(SECRET).verify(request.content.decode(), request.headers) == {"a": 1}
    assert SECRET not in repr(request)


def test_a_request_never_shows_its_url() -> None:
    request = signed(receiver("dingtalk", url="https://x.example/canary"), "msg_1", {}, NOW)
    assert "canary" not in repr(request)


def test_the_check_that_the_documents_show_holds() -> None:
    page = (ROOT / "docs" / "deliveries.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], shown)
    genuine = shown["genuine"]
    request = generic(SECRET, OTHER_SECRET)
    assert genuine(SECRET, request.headers, request.content)
    assert genuine(OTHER_SECRET, request.headers, request.content)
    assert not genuine(SECRET, request.headers, request.content + b" ")
    assert not genuine("whsec_" + "A" * 32, request.headers, request.content)
    old = generic(SECRET, now=datetime.now(UTC) - timedelta(minutes=6))
    assert not genuine(SECRET, old.headers, old.content)
