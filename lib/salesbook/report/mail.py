"""The month as an e-mail draft: the findings and key figures as text and as a plain table, with files attached."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from pathlib import Path

from salesbook.report.left import Left
from salesbook.report.parts import card
from salesbook.words import Words

KINDS = {".pdf": ("application", "pdf"),
         ".xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")}  # fmt: skip


def draft(pages: list[Left], words: Words, run: dict, files: list[Path]) -> bytes:
    """An .eml file that a mail program opens as an unsent message.

    Rule: the first page's findings are told in full with its key figures, the others' by their headlines. Same input,
    same bytes: boundaries are fixed, the date is the report's instant.
    Parameters: `pages`, what the notebooks left; `run`, what run.json says; `files`, attached.
    Returns: the bytes of the file.
    """
    message = EmailMessage(policy=SMTP)
    subject = words.say("mail.subject", company=one_line(run["company"]), month=run["month"])
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.fromisoformat(run["as_of"].removesuffix("Z")).replace(tzinfo=UTC))
    message["X-Unsent"] = "1"
    told = [(page.title, findings_of(page)) for page in pages if findings_of(page)]
    cards = next((found for page in pages if (found := cards_of(page))), [])
    figures = [card(entry, words) for entry in cards]
    message.set_content(plain_text(subject, told, figures))
    message.add_alternative(html_text(subject, told, figures, words), subtype="html")
    for file in files:
        maintype, subtype = KINDS[file.suffix]
        message.add_attachment(file.read_bytes(), maintype=maintype, subtype=subtype, filename=file.name)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_salesbook_{number}")
    return message.as_bytes()


def one_line(text: str) -> str:
    """A text fit for a header: no line break, no control character."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def findings_of(page: Left) -> list[tuple[str, str]]:
    """What a page found: headline and detail."""
    return [(one["headline"], one["detail"]) for part in page.of("findings") for one in part["findings"]]


def cards_of(page: Left) -> list[dict]:
    """The key figures of a page."""
    return [entry for part in page.of("scorecard") for entry in part["cards"]]


def plain_text(subject: str, told: list[tuple[str, list]], figures: list[dict]) -> str:
    """The message as text."""
    shown = [f"{one['label']}: {one['value']} ({one['change']} {one['before']})".replace(" ( )", "") for one in figures]
    lines = [subject, ""]
    for place, (title, found) in enumerate(told):
        lines += [title, *(sentence(*one) if place == 0 else f"- {one[0]}" for one in found), ""]
        lines += [*shown, ""] if place == 0 else []
    return "\n".join(lines)


def sentence(headline: str, detail: str) -> str:
    """A finding in a line of text."""
    stop = "" if headline.endswith(".") else "."
    return f"- {headline}{stop} {detail}"


def html_text(subject: str, told: list[tuple[str, list]], figures: list[dict], words: Words) -> str:
    """The message as simple HTML."""
    rows = "".join(
        f"<tr><th align=left scope=row>{escape(one['label'])}</th><td align=right><b>{escape(one['value'])}</b></td>"
        f"<td>{escape(one['change'])} {escape(one['before'])}</td></tr>"
        for one in figures
    )
    body = []
    for place, (title, found) in enumerate(told):
        details = ["" if place else f"<br>{escape(detail)}" for _, detail in found]
        items = [f"<li><b>{escape(one[0])}</b>{detail}</li>" for one, detail in zip(found, details, strict=True)]
        body.append(f"<h2>{escape(title)}</h2><ul>{''.join(items)}</ul>")
        body.append(f"<table cellpadding=6>{rows}</table>" if place == 0 else "")
    return (
        f'<!doctype html><html lang="{words.tag}"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        f"<body><h1>{escape(subject)}</h1>{''.join(body)}</body></html>"
    )
