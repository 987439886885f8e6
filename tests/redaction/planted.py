"""Secrets made at run time from random material, and the places where people leave them. Nothing here looks like a live key."""

from __future__ import annotations

import base64
import json
import random
import string
import textwrap
from collections.abc import Callable

_ALNUM = string.ascii_letters + string.digits
_URLSAFE = _ALNUM + "-_"
_BASE64 = _ALNUM + "+/"


def _made(rng: random.Random, alphabet: str, size: int) -> str:
    """Random text that starts and ends with a letter or digit, with a digit in it."""
    middle = "".join(rng.choice(alphabet) for _ in range(size - 3))
    return (
        rng.choice(_ALNUM if alphabet != "0123456789abcdef" else alphabet)
        + rng.choice("23456789")
        + middle
        + rng.choice("abcdef0123456789")
    )


def _pem(rng: random.Random, label: str) -> str:
    body = base64.b64encode(rng.randbytes(600)).decode()
    return "\n".join((f"-----BEGIN {label}-----", *textwrap.wrap(body, 64), f"-----END {label}-----"))


def _jwt(rng: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    payload = {"sub": rng.randrange(10**9), "name": _made(rng, _ALNUM, 12)}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(payload)}.{_made(rng, _URLSAFE, 43)}"


# Secrets that tell by themselves what they are.
SELF_TELLING: dict[str, Callable[[random.Random], str]] = {
    "aws key id": lambda rng: "AK" + "IA" + "".join(rng.choice(string.ascii_uppercase + "234567") for _ in range(16)),
    "github classic": lambda rng: "gh" + "p_" + _made(rng, _ALNUM, 36),
    "github server": lambda rng: "gh" + "s_" + _made(rng, _ALNUM, 36),
    "github fine-grained": lambda rng: "github" + "_pat_" + _made(rng, _ALNUM, 22) + "_" + _made(rng, _ALNUM, 59),
    "gitlab": lambda rng: "gl" + "pat-" + _made(rng, _URLSAFE, 20),
    "slack bot": lambda rng: f"xoxb-{rng.randrange(10**11, 10**12)}-{rng.randrange(10**12, 10**13)}-{_made(rng, _ALNUM, 24)}",
    "slack webhook": lambda rng: (
        f"https://hooks.slack.com/services/T{_made(rng, _ALNUM, 8).upper()}/B{_made(rng, _ALNUM, 8).upper()}/{_made(rng, _ALNUM, 24)}"
    ),
    "google api": lambda rng: "AI" + "za" + _made(rng, _URLSAFE, 35),
    "openai": lambda rng: "s" + "k-" + _made(rng, _ALNUM, 48),
    "openai project": lambda rng: "s" + "k-proj-" + _made(rng, _URLSAFE, 120),
    "anthropic": lambda rng: "s" + "k-ant-api03-" + _made(rng, _URLSAFE, 93) + "AA",
    "hugging face": lambda rng: "h" + "f_" + "".join(rng.choice(string.ascii_letters) for _ in range(34)),
    "stripe": lambda rng: "s" + "k_live_" + _made(rng, _ALNUM, 24),
    "npm": lambda rng: "np" + "m_" + _made(rng, _ALNUM, 36),
    "pypi": lambda rng: "py" + "pi-AgEIcHlwaS5vcmc" + _made(rng, _URLSAFE, 150),
    "jwt": _jwt,
    "sendgrid": lambda rng: "S" + "G." + _made(rng, _URLSAFE, 22) + "." + _made(rng, _URLSAFE, 43),
    "databricks": lambda rng: "da" + "pi" + _made(rng, "0123456789abcdef", 32),
    "docker": lambda rng: "dckr" + "_pat_" + _made(rng, _URLSAFE, 27),
}

PRIVATE_KEYS: dict[str, Callable[[random.Random], str]] = {
    "rsa key": lambda rng: _pem(rng, "RSA PRIVATE " + "KEY"),
    "pkcs8 key": lambda rng: _pem(rng, "PRIVATE " + "KEY"),
    "openssh key": lambda rng: _pem(rng, "OPENSSH PRIVATE " + "KEY"),
}

PLACES: dict[str, Callable[[str], str]] = {
    "code": lambda secret: f'client = Client("{secret}")\nprint(client)',
    "keyword argument": lambda secret: f"model.fit(x, y, extra='{secret}', epochs=3)",
    "f-string": lambda secret: f'url = f"{{base}}/v1?id={secret}&n={{n}}"',
    "triple quotes": lambda secret: f'config = """\nuser: me\nvalue: {secret}\n"""',
    "traceback": lambda secret: (
        f'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\nValueError: bad credential {secret}: refused'
    ),
    "coloured traceback": lambda secret: (
        f'\x1b[0;32m----> 3\x1b[0m call(\x1b[38;5;124m"\x1b[39m\x1b[38;5;124m{secret}\x1b[39m\x1b[38;5;124m"\x1b[39m)'
    ),
    "json": lambda secret: json.dumps({"a": 1, "v": secret, "b": [secret, 2]}),
    "escaped json": lambda secret: json.dumps(json.dumps({"a": 1, "v": secret})),
    "environment listing": lambda secret: f"HOME=/root\nSOME_VALUE={secret}\nLANG=C.UTF-8",
    "environ repr": lambda secret: repr({"HOME": "/root", "V": secret}),
    "bytes repr": lambda secret: repr(f"GET /\r\nX-Value:{secret}\r\n\r\n".encode()),
    "escaped line break": lambda secret: repr(f"first line\n{secret}\nlast"),
    "url": lambda secret: secret if "://" in secret else f"https://api.example.org/v1/things?q=1&v={secret}&page=2",
    "output line": lambda secret: secret,
    "sentence": lambda secret: f"I used {secret}, and it worked.",
    "html": lambda secret: f"<td>{secret}</td><td>1</td>",
    "quoted html": lambda secret: f"<pre>{{&#x27;v&#x27;: &#x27;{secret}&#x27;}}</pre>",
    "yaml": lambda secret: f"service:\n  v: {secret}\n  n: 3",
    "shell": lambda secret: f"!curl -s -d {secret} https://api.example.org | jq .",
    "percent escape": lambda secret: f"https://x.org/?v=%22{secret}%22",
}

# A token broken over string literals or lines, as editors and formatters do.
BROKEN: dict[str, Callable[[str], str]] = {
    "two literals": lambda secret: f'v = (\n    "{secret[:30]}"\n    "{secret[30:]}"\n)',
    "plus": lambda secret: f"v = '{secret[:30]}' + '{secret[30:]}'",
    "backslash": lambda secret: f'v = "{secret[:30]}\\\n{secret[30:]}"',
}

# Passwords and keys that only their surroundings tell.
NAMED: dict[str, Callable[[str], str]] = {
    "assignment": lambda secret: f'password = "{secret}"',
    "environ": lambda secret: f"os.environ['DB_PASSWORD'] = '{secret}'",
    "upper": lambda secret: f'API_KEY = "{secret}"\n',
    "attribute": lambda secret: f'openai.api_key = "{secret}"',
    "keyword": lambda secret: f'connect(host="h", user="u", passwd="{secret}", port=3)',
    "dict entry": lambda secret: f'cfg = {{"host": "h", "client_secret": "{secret}"}}',
    "annotated": lambda secret: f'access_token: str = "{secret}"',
    "raw": lambda secret: f"auth_token = r'{secret}'",
    "bytes": lambda secret: f'SECRET_KEY = b"{secret}"',
    "triple": lambda secret: f'api_secret = """{secret}"""',
    "parenthesised": lambda secret: f'private_token = (\n    "{secret}"\n)',
    "continued": lambda secret: f'api_key = \\\n    "{secret}"',
    "literals": lambda secret: f'api_key = ("{secret[:7]}"\n           "{secret[7:]}")',
    "camel case": lambda secret: f'{{apiKey: "{secret}"}}',
    "json": lambda secret: json.dumps({"refresh_token": secret, "expires": 3600}, indent=2),
    "escaped json": lambda secret: json.dumps({"body": json.dumps({"access_token": secret})}),
    "repr": lambda secret: f"Settings(host='h', password='{secret}', port=5432)",
    "environment listing": lambda secret: f"HOME=/root\nMY_API_KEY={secret}\nLANG=C",
    "export": lambda secret: f"!export WANDB_API_KEY={secret}",
    "magic": lambda secret: f"%env HF_TOKEN={secret}",
    "yaml": lambda secret: f"db:\n  password: {secret}\n",
    "ini": lambda secret: f"[default]\naws_secret_access_key = {secret}\n",
    "dsn": lambda secret: f'psycopg.connect("host=h user=u password={secret} dbname=d")',
    "odbc": lambda secret: f'"Driver={{x}};Server=s;Uid=u;Pwd={secret};"',
    "query": lambda secret: f"https://api.example.org/v1?access_token={secret}&n=1",
    "flag": lambda secret: f"!tool --user me --password {secret} run",
    "flag with =": lambda secret: f"!tool --api-key={secret}",
    "setenv": lambda secret: f'monkeypatch.setenv("SERVICE_PASSWORD", "{secret}")',
    "pair": lambda secret: f'{{"name": "STORAGE_KEY", "value": "{secret}"}}',
    "comparison": lambda secret: f'if password == "{secret}": pass',
    "wrapper": lambda secret: f'api_key = SecretStr("{secret}")',
    "coloured": lambda secret: (
        f'\x1b[32mpassword\x1b[39m\x1b[38;5;241m=\x1b[39m\x1b[38;5;124m"\x1b[39m\x1b[38;5;124m{secret}\x1b[39m\x1b[38;5;124m"\x1b[39m'
    ),
    "html": lambda secret: f"<pre>{{&quot;password&quot;: &quot;{secret}&quot;}}</pre>",
    "list": lambda secret: f'api_keys = ["{secret}", "{secret[::-1]}"]',
    "address": lambda secret: f'create_engine("postgresql://user:{secret}@db.example.org:5432/app")',
    "address without user": lambda secret: f"redis://:{secret}@cache:6379/0",
    "bearer": lambda secret: f'headers = {{"Authorization": "Bearer {secret}"}}',
    "bearer in text": lambda secret: f"curl -H 'Authorization: Bearer {secret}' https://x.org",
    "header": lambda secret: f"> X-Api-Key: {secret}\r\n> Host: x.org",
    "token header": lambda secret: f"requests.get(u, headers={{'Authorization': 'token {secret}'}})",
    "azure": lambda secret: f'"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={secret}{secret}==;EndpointSuffix=core.windows.net"',
    "pair of credentials": lambda secret: f'requests.get(url, auth=("me", "{secret}"))',
    "npmrc": lambda secret: f"//registry.example.org/:_authToken={secret}",
}


def password(rng: random.Random) -> str:
    """Letters and digits as a machine makes them."""
    return _made(rng, _ALNUM, 20)


def basic(rng: random.Random) -> str:
    """User and password as HTTP sends them."""
    return base64.b64encode(f"user:{password(rng)}".encode()).decode()


def aws_secret(rng: random.Random) -> str:
    """40 characters of base64."""
    return _made(rng, _BASE64, 40)
