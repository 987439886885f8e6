"""Names that promise a secret: how sure a name makes us that what it is given must not be stored."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache


class Promise(IntEnum):
    """What a name says of its value. LOOSE: a secret only when it looks random; FIRM: a secret unless it is a dummy."""

    NONE = 0
    LOOSE = 1  # key, sort_key, cache_key: hashes and identifiers are usual here
    FAIR = 2  # token, my_key: random text is a secret, words are not
    FIRM = 3  # api_key, client_secret, hf_token
    PASSWORD = 4  # any text may be a password


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORDS = _words("password passwd passwort passphrase pwd pass")
_LOGINS = _words("db smtp mysql user admin auth ftp root redis mail pg")
_TAILS = _words("value val string str text raw prod dev test stage staging live main old new b64 base base64")

# Parts of language models and of text, and counts of them.
_HARMLESS_TOKENS = _words(
    """
    pad eos bos sep cls unk mask special start end stop next prev previous first last num n max min total word sub image text
    current decoder encoder generated predicted top target source input output new added extra oov blank newline space audio video
    vision nl eot eod eom begin beginning separator padding unknown boi eoi tool think reasoning prompt completion
    """
)
# Keys to find things by.
_HARMLESS_KEYS = _words(
    """
    sort primary foreign public group cache dict index partition row column col hash join object bucket lookup map feature label
    target image data state config parameter param metric route order composite natural surrogate unique candidate translation i18n
    item node edge query filter field attr attribute json yaml result output input score text message event topic routing dedup
    idempotency time date id name type class category path file folder sheet prim idx rng random prng jax split legend color colour
    hot short arrow press experiment run model s3 blob record entity template prompt context answer keyboard up down left right
    enter return escape shift alt ctrl first last next prev old new any each key sub session_state widget
    """
)
_SECRET_TOKENS = _words(
    """
    api access auth bearer refresh id csrf xsrf hf huggingface hub github gitlab gh gl slack bot app user personal private secret
    deploy login jwt oauth oauth2 wandb replicate openai anthropic discord telegram vault service admin account npm pypi pat
    databricks azure aws google gcp session security web push device dev prod client ci cd registry sentry notion linear mapbox
    kaggle comet neptune my the
    """
)
_SECRET_KEYS = _words(
    """
    api secret private access auth account encryption signing master license licence service shared storage app application consumer
    client subscription openai anthropic google azure aws stripe ssh hmac jwt wandb kaggle fernet admin deploy gemini cohere mistral
    groq pinecone langsmith langchain tavily serp serpapi serper huggingface hf nvidia weather openweather alphavantage quandl comet
    neptune sendgrid mailgun twilio gpg pgp rsa ecdsa tls ssl cert crypt crypto decryption cipher aes des cosmos function
    functions ingestion instrumentation webhook algolia maps mapbox datadog dd newrelic sentry rapidapi elastic deepl replicate
    together firebase
    """
)


def is_secret_name(name: str) -> bool:
    """Tell whether a value of this name is kept out of sight unless it is a dummy: passwords, secrets, API keys, access tokens.

    >>> is_secret_name("OPENAI_API_KEY"), is_secret_name("dbPassword"), is_secret_name("pad_token"), is_secret_name("max_tokens")
    (True, True, False, False)
    """
    return promise_of(name) >= Promise.FIRM


@lru_cache(maxsize=2048)
def promise_of(name: str) -> Promise:
    """Judge a name by its words, the last first."""
    words = [word.lower() for word in _WORD.findall(name[-120:])]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _TAILS):
        words.pop()
    if not words:
        return Promise.NONE
    last, before = words[-1], words[:-1]
    for whole in ("key", "token", "secret"):
        # apikey, accesstoken, clientsecret: two words written as one
        if last != whole and last.endswith(whole) and last.removesuffix(whole) in (_SECRET_KEYS | _SECRET_TOKENS):
            before, last = [*before, last.removesuffix(whole)], whole
    if last in _PASSWORDS or last.endswith(("password", "passwd")):
        return _promise_of_password(last, before)
    if last in {"secret", "credential", "cred"}:
        return Promise.FIRM
    if last == "token":
        return _promise_of_token(before)
    if last == "key":
        return _promise_of_key(before)
    if last in {"keys", "tokens", "secrets", "passwords", "credentials", "creds"}:
        singular = promise_of(" ".join((*before, last.removesuffix("s"))))
        return Promise.FAIR if singular >= Promise.FIRM else Promise.LOOSE if singular else Promise.NONE
    return Promise.NONE


def _promise_of_password(last: str, before: list[str]) -> Promise:
    if last == "pass":  # first_pass, forward_pass, n_pass
        return Promise.FIRM if before and before[-1] in _LOGINS else Promise.NONE
    return Promise.PASSWORD


def _promise_of_token(before: list[str]) -> Promise:
    if not before:
        return Promise.FAIR
    if before[-1] in _SECRET_TOKENS:
        return Promise.FIRM
    return Promise.NONE if before[-1] in _HARMLESS_TOKENS else Promise.FAIR


def _promise_of_key(before: list[str]) -> Promise:
    if not before:
        return Promise.LOOSE
    if before[-1] == "public":
        return Promise.NONE
    if before[-1] in _SECRET_KEYS:
        return Promise.FIRM
    return Promise.LOOSE if before[-1] in _HARMLESS_KEYS else Promise.FAIR
