"""Makes of matplotlib's SVG a small one for a page: colours as CSS variables, no style of its own, ids of its own."""

import re
import xml.etree.ElementTree as ET

from salesbook.palette import COLOURS

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
ROLES = {colour: f"var(--{role})" for role, colour in COLOURS.items()}
KEPT = {"fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "fill-opacity"}
KEPT |= {"stroke-linejoin", "stroke-opacity", "opacity", "text-anchor", "font-weight", "font-size"}
DEFAULTS = {("fill-opacity", "1"), ("stroke-opacity", "1"), ("opacity", "1"), ("stroke-dashoffset", "0")}
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
NOT_A_NUMBER_LIST = {"id", "class", "href", "fill", "stroke", "clip-path", "xmlns", "font-family"}

ET.register_namespace("", SVG)


def page_svg(raw: str, prefix: str) -> str:
    """The drawing as it stands in a page.

    Rule: colours of the house become CSS variables; styles become attributes, so that a page without inline styles can
    hold it; coordinates keep one decimal; every id gets the prefix. Text is never touched.
    Parameters: `raw`, what matplotlib wrote; `prefix`, unique among the drawings of a page.
    Returns: SVG text without declaration or metadata.
    """
    root = ET.fromstring(raw)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style") or child.tag is ET.Comment:
                parent.remove(child)
    used = {link for element in root.iter() for link in links(element)}
    for element in root.iter():
        tidy(element, prefix, used)
    unwrap(root)
    width, height = root.get("viewBox").split()[2:]
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {width} {height}", "width": width, "height": height})
    root.attrib.update({"stroke-linejoin": "round", "font-size": "13"})
    return re.sub(r"\n\s*", "", ET.tostring(root, encoding="unicode"))


def links(element: ET.Element) -> list[str]:
    """The ids that an element points to."""
    values = " ".join(element.attrib.values())
    return re.findall(r"url\(#([^)]+)\)", values) + re.findall(r"^#(.+)$", element.get(XLINK, ""))


def tidy(element: ET.Element, prefix: str, used: set[str]) -> None:
    """Bring the attributes of one element into the page's form."""
    for name, value in styles(element.attrib.pop("style", "")).items():
        element.set(name, value)
    if XLINK in element.attrib:
        element.set("href", element.attrib.pop(XLINK))
    if element.get("id") not in used:
        element.attrib.pop("id", None)
    for name, value in list(element.attrib.items()):
        if name == "id":
            value = prefix + value
        elif name == "href":
            value = f"#{prefix}{value[1:]}"
        elif "url(#" in value:
            value = value.replace("url(#", f"url(#{prefix}")
        elif name not in NOT_A_NUMBER_LIST:
            value = NUMBER.sub(short, value)
        element.set(name, ROLES.get(value, value))
    if element.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
        del element.attrib["transform"]


def styles(text: str) -> dict[str, str]:
    """The declarations of a style attribute, as attributes."""
    found = {}
    for declaration in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            match = re.match(r"(?:(\d{3}|bold) )?([\d.]+)px", value)
            found |= {"font-weight": match[1] or "", "font-size": match[2]}
        elif name in KEPT and (name, value) not in DEFAULTS:
            found[name] = value.removesuffix("px")
    return {name: value for name, value in found.items() if value}


def short(match: re.Match) -> str:
    """A coordinate with one decimal at most."""
    text = f"{float(match[0]):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def unwrap(parent: ET.Element) -> None:
    """Take groups away that say nothing, and definitions that hold nothing."""
    kept = []
    for child in parent:
        unwrap(child)
        if child.tag == f"{{{SVG}}}g" and not child.attrib:
            kept.extend(child)
        elif child.tag != f"{{{SVG}}}defs" or len(child):
            kept.append(child)
    parent[:] = kept
