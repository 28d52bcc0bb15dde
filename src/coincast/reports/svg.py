"""A drawing as a piece of a page: vectors in the colours of the page, small, and with no names that could clash."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
COLOUR = re.compile(r"#[0-9a-f]{6}\b")
NO_TURN = re.compile(r"rotate\(-?0(\.0+)? .*\)")
LEAST_SCALE, MOST_SCALE = 0.9, 1.8
"""Dots of a page for a point of a drawing, at least and at most: type stays readable; what is wide is scrolled."""
LONG_PATH = 400
"""Letters of a path beyond which a tenth of a point is exact enough: no eye sees a hundredth in a long line."""


def page_svg(figure: Figure, *, name: str, roles: Mapping[str, str], box: Any = None) -> str:
    """Return a figure as an `<svg>` that stands in a page: its type is the page's, and so are its colours.

    Args:
        figure: the drawing; its own background is left out.
        name: begins every name in it, and must be unique in the page.
        roles: colour as `#rrggbb` -> what stands for it, such as `var(--ink)`; other colours stay.
        box: the part to show, as `savefig` takes it; default: all.
    """
    from matplotlib import rc_context

    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        options: dict[str, Any] = {} if box is None else {"bbox_inches": box, "pad_inches": 0}
        figure.savefig(written, format="svg", facecolor="none", metadata=nothing, dpi=190, **options)
    root = ElementTree.fromstring(written.getvalue())
    return _Writer(name, roles).page(root)


@dataclass
class _Writer:
    """Writes what it is given anew, in fewer letters; `names` holds what other elements refer to."""

    prefix: str
    roles: Mapping[str, str]
    names: dict[str, str] = field(default_factory=dict)

    def page(self, root: ElementTree.Element) -> str:
        for element in root.iter():
            for value in element.attrib.values():
                for found in re.findall(r"^#([\w.-]+)$|url\(#([\w.-]+)\)", value):
                    self.names.setdefault("".join(found), f"{self.prefix}-{len(self.names)}")
        box = [_short(part) for part in root.attrib["viewBox"].split()]
        least, most = (round(float(box[2]) * scale) for scale in (LEAST_SCALE, MOST_SCALE))
        inside = "".join(map(self.write, root))
        style = f"--least:{least}px;max-width:{most}px"
        return f'<svg viewBox="{" ".join(box)}" style="{style}" aria-hidden="true">{inside}</svg>'

    def write(self, element: ElementTree.Element) -> str:
        tag = element.tag.removeprefix(SVG)
        if tag in ("style", "metadata"):
            return ""
        own = escape(element.text or "", quote=False) if tag in ("text", "tspan") else ""
        inside = own + "".join(map(self.write, element))
        attributes = self.attributes(element, is_text=tag == "text")
        if tag in ("g", "defs", "clipPath") and not inside:
            return ""
        if tag == "g" and not attributes:
            return inside
        return f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"

    def attributes(self, element: ElementTree.Element, *, is_text: bool) -> str:
        kept: dict[str, str] = {}
        if (name := element.get("id")) in self.names:
            kept["id"] = self.names[str(name)]
        for key, value in element.attrib.items():
            if key == LINK:
                kept["href"] = f"#{self.names[value[1:]]}" if value.startswith("#") else _smaller(value)
            elif key not in ("id", "style") and not (key == "transform" and NO_TURN.fullmatch(value)):
                kept[key] = self.place(key, value)
        if style := self.style(element.get("style", ""), is_text=is_text):
            kept["style"] = style
        return "".join(f' {key}="{escape(value)}"' for key, value in kept.items())

    def place(self, key: str, value: str) -> str:
        if "url(#" in value:
            return self.point(value)
        digits = 1 if key == "d" and len(value) > LONG_PATH else 2
        return re.sub(r"\s+", " ", NUMBER.sub(lambda found: _short(found[0], digits), value)).strip()

    def style(self, text: str, *, is_text: bool) -> str:
        pairs = dict(part.split(":", 1) for part in text.split(";") if ":" in part)
        styles = {key.strip(): value.strip() for key, value in pairs.items()}
        if is_text and (font := re.match(r"(.*?)([\d.]+px)", styles.pop("font", ""))):
            styles["font-size"] = font[2]
            styles |= {"font-weight": "bold"} if re.search(r"bold|[6-9]00", font[1]) else {}
        for key in ("font-family", "stroke-linejoin"):
            styles.pop(key, None)
        if styles.get("stroke-linecap") == "butt":
            del styles["stroke-linecap"]
        coloured = {key: COLOUR.sub(self.colour, self.point(value)) for key, value in styles.items()}
        return ";".join(f"{key}:{value}" for key, value in coloured.items())

    def point(self, value: str) -> str:
        """Point at other elements by their new names."""
        return re.sub(r"url\(#([\w.-]+)\)", lambda found: f"url(#{self.names[found[1]]})", value)

    def colour(self, found: re.Match[str]) -> str:
        return self.roles.get(found[0], found[0])


def _short(number: str, digits: int = 2) -> str:
    """Write a number with few decimals, and without zeros at their end."""
    text = f"{float(number):.{digits}f}".rstrip("0").rstrip(".") if "." in number else number
    return "0" if text in ("-0", "") else text


def _smaller(link: str) -> str:
    """Pack a picture in a picture better, where there is a way."""
    from PIL import Image, features

    kind, _, data = link.partition(";base64,")
    if kind != "data:image/png" or not features.check("webp"):
        return link
    packed = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(data))).save(packed, format="WEBP", lossless=True, method=4)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
