"""Colours of the page: enough contrast in light, dark and on paper, and nothing told by colour alone.

Contrast as WCAG 2.2 defines it: (L1 + 0.05) / (L2 + 0.05) of relative luminances; 4.5 for text, 3 for marks and lines.
"""

import math
import re
from itertools import combinations
from pathlib import Path

import pytest

from factcli.stages import report

FOLDER = Path(report.__file__).parent
Colour = tuple[float, float, float]  # red, green, blue, 0..1
SERIES = [f"s{n}" for n in range(8)]


def palettes() -> dict[str, dict[str, str]]:
    """name -> value of the custom properties that each of the three :root rules sets, later ones over the first."""
    rules = re.findall(r":root\s*{(.*?)}", (FOLDER / "page.css").read_text(encoding="utf-8"), re.DOTALL)
    read = [dict(re.findall(r"--([\w-]+):\s*([^;]+?)\s*(?:;|$)", rule)) for rule in rules]
    assert len(read) == 3
    return {"light": read[0], "dark": read[0] | read[1], "paper": read[0] | read[2]}


def colour(value: str) -> Colour:
    if value.startswith("#"):
        digits = value[1:] if len(value) == 7 else "".join(2 * digit for digit in value[1:])
        return tuple(int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4))  # type: ignore[return-value]  # of three
    return tuple(int(part) / 255 for part in value.split())  # type: ignore[return-value]  # of three


def luminance(of: Colour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_as_defined() -> None:
    """Black on white is 21; #777 on white is the known case just below 4.5."""
    assert contrast(colour("#fff"), colour("#000")) == pytest.approx(21)
    assert contrast(colour("#777777"), colour("#fff")) == pytest.approx(4.478, abs=0.001)


TEXT = [
    *[(text, ground) for text in ("ink", "quiet", "link", "good", "bad") for ground in ("page", "soft")],
    ("ink", "good-soft"), ("ink", "bad-soft"), ("ink", "quiet-soft"), ("good", "good-soft"), ("bad", "bad-soft"), ("quiet", "quiet-soft"),
]  # fmt: skip


@pytest.mark.parametrize("palette", ["light", "dark", "paper"])
def test_text_can_be_read_on_every_ground_that_it_stands_on(palette: str) -> None:
    values = palettes()[palette]
    low = {pair: round(contrast(*(colour(values[name]) for name in pair)), 2) for pair in TEXT}
    assert {pair: found for pair, found in low.items() if found < 4.5} == {}


@pytest.mark.parametrize("palette", ["light", "dark", "paper"])
def test_the_darkest_cell_of_a_matrix_can_be_read(palette: str) -> None:
    values = palettes()[palette]
    (alpha,) = re.findall(r"\.heat-10 { background: rgb\(var\(--heat\) / ([\d.]+)\)", (FOLDER / "page.css").read_text(encoding="utf-8"))
    page, heat = colour(values["page"]), colour(values["heat"])
    mixed: Colour = tuple(float(alpha) * h + (1 - float(alpha)) * p for h, p in zip(heat, page, strict=True))  # type: ignore[assignment]  # of three
    assert contrast(colour(values["ink"]), mixed) >= 4.5


@pytest.mark.parametrize("palette", ["light", "dark", "paper"])
def test_marks_and_lines_stand_out(palette: str) -> None:
    values = palettes()[palette]
    assert {name: 1 for name in SERIES if contrast(colour(values[name]), colour(values["page"])) < 3} == {}


DEUTAN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))  # Machado 2009, severity 1
PROTAN = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
MATRICES = {"deutan": DEUTAN, "protan": PROTAN}


def seen(of: Colour, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    """A colour as somebody sees it whose cones lack a pigment, in linear light."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in of]
    return tuple(max(0.0, sum(weight * part for weight, part in zip(row, linear, strict=True))) for row in matrix)


def lab(linear: tuple[float, ...]) -> tuple[float, float, float]:
    """CIE L*a*b* of linear sRGB, white point D65: equal distances look about equally different."""
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(weight * part for weight, part in zip(row, linear, strict=True)) for row in to_xyz]
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (xyz[0] / 0.9505, xyz[1], xyz[2] / 1.089))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("palette", ["light", "dark", "paper"])
@pytest.mark.parametrize("kind", ["deutan", "protan"])
@pytest.mark.parametrize(("ground", "least"), [("", 40), ("-soft", 10)])
def test_true_and_false_differ_for_readers_who_see_no_red_or_green(palette: str, kind: str, ground: str, least: float) -> None:
    """Distances in Lab: 2 is just seen side by side, and 20 is another colour. Green and red on the light page were at 26."""
    values = palettes()[palette]
    good, bad = (lab(seen(colour(values[name + ground]), MATRICES[kind])) for name in ("good", "bad"))
    assert math.dist(good, bad) > least


def test_every_verdict_has_its_own_sign_and_its_own_underline() -> None:
    """In grey, on paper or to nobody's colours, a claim is still told."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    lines = {
        verdict: re.search(rf"\.claim\.{verdict} {{[^}}]*text-decoration(?:-style)?: (?:underline )?(\w+)", style) for verdict in ("true", "false", "repeated")
    }
    kinds = {verdict: found.group(1) for verdict, found in lines.items() if found} | {"unread": "dotted"}
    assert kinds == {"true": "solid", "false": "wavy", "repeated": "dashed", "unread": "dotted"}
    script = (FOLDER / "browser" / "rows.js").read_text(encoding="utf-8")
    (signs,) = re.findall(r"VERDICT_SIGNS = (\[.*?\])", script)
    assert all(one != other for one, other in combinations(re.findall(r'"(.)"', signs), 2))
