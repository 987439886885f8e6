"""Keys that tell by their own shape whose they are: one row for each provider's format, and the reading of one token from a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbtrack.redaction.spans import JOINT, Span, solid
from nbtrack.redaction.values import looks_random

_ALNUM = "A-Za-z0-9"
_URLSAFE = r"\-A-Za-z0-9_"
_MOST_PIECES = 12
_FIRST_PIECE = 16  # a token broken earlier than this is not told from a word
_WRAPPED_LINE = 60
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-F]{2})|(?<=\\x[0-9a-f]{2})|(?<=\\u00[0-9a-f]{2}))"


@dataclass(frozen=True, slots=True)
class Shape:
    """One format: how it begins, what it consists of, how much of that there is.

    ``hints``: literal beginnings, one of which must be in a text before ``start`` is looked for. ``most`` None: no limit. ``whole`` must
    match the token without joints; ``random``: it must look made by a machine, because words begin like this too.
    """

    kind: str
    hints: tuple[bytes, ...]
    start: re.Pattern[str]
    body: re.Pattern[str]
    least: int
    most: int | None = None
    whole: re.Pattern[str] | None = None
    random: bool = False


def _shape(
    kind: str,
    hints: str,
    *,
    start: str = "",
    body: str = _ALNUM,
    least: int = 16,
    most: int | None = None,
    whole: str = "",
    random: bool = False,
) -> Shape:
    beginnings = hints.split()
    return Shape(
        kind,
        tuple(hint.encode() for hint in beginnings),
        re.compile(start or "|".join(map(re.escape, beginnings))),
        re.compile(f"[{body}]++"),
        least,
        most,
        re.compile(whole) if whole else None,
        random,
    )


SHAPES = (
    _shape("aws-key", "AKIA ASIA ABIA ACCA", body="A-Z0-9", least=16, most=16),
    _shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", least=20),
    _shape("github-token", "github_pat_", body="A-Za-z0-9_", least=22),
    _shape("gitlab-token", "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- gloas- glimt- GR1348941", body=f"{_URLSAFE}.", least=16),
    _shape("slack-token", "xoxb- xoxp- xoxa- xoxe- xoxo- xoxr- xoxs- xoxc- xoxd- xapp- xoxe.", body=rf"{_ALNUM}\-.%", least=10),
    _shape(
        "webhook",
        "com/services/ com/workflows/ com/triggers/ /api/webhooks/ com/webhookb2/",
        start=r"hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/webhookb2/",
        body=f"{_URLSAFE}/@",
    ),
    _shape("google-key", "AIza", body=_URLSAFE, least=30, most=39),
    _shape("google-key", "GOCSPX- ya29. 1//0", start=rf"GOCSPX-|ya29\.|{_BEFORE}1//0", body=f"{_URLSAFE}.", least=20),
    _shape("llm-key", "sk-", start=rf"{_BEFORE}sk-", body=_URLSAFE, least=18, random=True),
    _shape("huggingface-token", "hf_", start=rf"{_BEFORE}hf_", least=28),
    _shape("huggingface-token", "api_org_", least=28),
    _shape("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_ whsec_", body=f"{_ALNUM}+/=", least=14),
    _shape("npm-token", "npm_", start=rf"{_BEFORE}npm_", least=28),
    _shape("pypi-token", "pypi-", start=rf"{_BEFORE}pypi-", body=_URLSAFE, least=16, random=True),
    _shape("jwt", "eyJ", start=rf"{_BEFORE}eyJ", body=f"{_URLSAFE}.", least=24,
           whole=r"eyJ[\w-]{6,}\.[\w-]{6,}\.(?:[\w-]{6,}(?:\.[\w-]+){0,2})?"),
    _shape("service-token", "eyJhcGlfYWRkcmVzcyI6", body=f"{_ALNUM}+/=", least=40),
    _shape("service-token", "SG.", start=rf"{_BEFORE}SG\.", body=f"{_URLSAFE}.", least=30, whole=r"SG\.[\w-]{10,}\.[\w-]{16,}"),
    _shape("service-token", ":AA", start=r"(?<![0-9])[0-9]{8,10}:AA", body=_URLSAFE, least=32, most=34),
    _shape("service-token", "dapi", start=rf"{_BEFORE}dapi", body=r"a-f0-9\-", least=32, most=34),
    _shape("service-token", "dop_v1_ doo_v1_ dor_v1_", body="a-f0-9", least=40),
    _shape("service-token", "key-", start=rf"{_BEFORE}key-", body="a-f0-9", least=32, most=32),
    _shape("service-token", "r8_ gsk_ fw_ co_", start=rf"{_BEFORE}(?:r8_|gsk_|fw_|co_)", least=20, random=True),
    _shape("service-token", "xai- pplx- tvly- nvapi- pcsk_ jina_ figd_ sbp_ ntn_",
           start=rf"{_BEFORE}(?:xai-|pplx-|tvly-|nvapi-|pcsk_|jina_|figd_|sbp_|ntn_)",
           body=_URLSAFE, least=20, random=True),
    _shape("service-token",
           "dckr_pat_ lsv2_pt_ lsv2_sk_ lin_api_ shpat_ shpss_ shpca_ shppa_ pscale_tkn_ pscale_pw_ rubygems_ wandb_v1_ esecret_",
           body=_URLSAFE, least=20),
    _shape("service-token",
           "hvs. hvb. hvr. sntrys_ sntryu_ glsa_ glc_ PMAK- NRAK- ATATT3 ATCTT3 dp.pt. tskey- sq0atp- sq0csp- AGE-SECRET-KEY-1",
           body=f"{_URLSAFE}.=", least=20, random=True),
    _shape("service-token", "secret_", start=rf"{_BEFORE}secret_", least=40, random=True),
    _shape("azure-key", "8Q~ 7Q~", start=rf"{_BEFORE}[\w~.]{{3}}[78]Q~", body=rf"{_URLSAFE}~.", least=30, most=36),
)  # fmt: skip

_HINTS = tuple(sorted((hint, number) for number, shape in enumerate(SHAPES) for hint in shape.hints))


def find_tokens(text: str, long_words: bytes) -> Iterator[Span]:
    """Yield the tokens in a text. ``long_words``: its long words, where the hints are looked for."""
    for number in sorted({number for hint, number in _HINTS if hint in long_words}):
        shape = SHAPES[number]
        position = 0
        while (found := shape.start.search(text, position)) is not None:
            end, run_end = _read(shape, text, found.start(), found.end())
            if end is None:
                position = max(run_end, found.end())
                continue
            start = found.start() + _open_part(shape, found)
            yield Span(start, end, shape.kind, solid(text[start:end]))
            position = end


def _open_part(shape: Shape, found: re.Match[str]) -> int:
    """How much of the beginning is no secret and stays readable: the address of a webhook."""
    return len(found[0]) if shape.kind == "webhook" else 0


def _read(shape: Shape, text: str, start: int, position: int) -> tuple[int | None, int]:
    """Return the end of the token that starts here (None: it is none), and where its first run of characters ends."""
    length, run_end, first, beginning = 0, position, True, position - start
    for _ in range(_MOST_PIECES):
        run = shape.body.match(text, position)
        end = run.end() if run else position
        length += end - position
        if first:
            run_end, first = end, False
        joint = JOINT.match(text, end)
        if joint is None or end - start < _FIRST_PIECE or not _goes_on(shape, text, joint, length):
            break
        position = joint.end()
    if text[end - 1] == "." and length and not _ends_open(shape, text, start, end):
        end -= 1
        length -= 1
    token = solid(text[start:end])
    if length < shape.least or (shape.most is not None and length > shape.most):
        return None, run_end
    if shape.whole is not None and not shape.whole.fullmatch(token):
        return None, run_end
    if shape.random and not (looks_random(token[beginning:], 12) or _is_mixed(token)):
        return None, run_end
    return end, run_end


def _is_mixed(token: str) -> bool:
    """Whether a long token has upper, lower and digits, in pieces too short to look random; class names of HTML have no upper."""
    return len(token) >= 40 and any(map(str.isupper, token)) and any(map(str.islower, token)) and sum(map(str.isdigit, token)) >= 3


def _ends_open(shape: Shape, text: str, start: int, end: int) -> bool:
    """Whether a dot at the end belongs to the token: an unsigned JWT ends with one."""
    return shape.kind == "jwt" and text.count(".", start, end) == 2


def _goes_on(shape: Shape, text: str, joint: re.Match[str], length: int) -> bool:
    """Whether the token goes on behind a line break or in the next string literal."""
    following = shape.body.match(text, joint.end())
    if following is None or (shape.most is not None and length + len(following[0]) > shape.most):
        return False
    if joint[0][0] in "\"'\\":
        return len(following[0]) >= 2
    if length < shape.least:
        return True
    wide = joint.start() - (text.rfind("\n", 0, joint.start()) + 1) >= _WRAPPED_LINE
    return wide and (shape.most is None or length < shape.most) and looks_random(following[0], 6)
