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

    Rule: same input, same bytes: boundaries are fixed, the date is the report's instant.
    Parameters: `pages`, what the notebooks left; `run`, what run.json says; `files`, attached.
    Returns: the bytes of the file.
    """
    message = EmailMessage(policy=SMTP)
    subject = words.say("mail.subject", company=one_line(run["company"]), month=run["month"])
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.fromisoformat(run["as_of"].removesuffix("Z")).replace(tzinfo=UTC))
    message["X-Unsent"] = "1"
    found = [
        (one["headline"], one["detail"]) for page in pages for part in page.of("findings") for one in part["findings"]
    ]
    figures = [card(entry, words) for page in pages for part in page.of("scorecard") for entry in part["cards"]]
    message.set_content(plain_text(subject, found, figures))
    message.add_alternative(html_text(subject, found, figures, words), subtype="html")
    for file in files:
        maintype, subtype = KINDS[file.suffix]
        message.add_attachment(file.read_bytes(), maintype=maintype, subtype=subtype, filename=file.name)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_salesbook_{number}")
    return message.as_bytes()


def one_line(text: str) -> str:
    """A text fit for a header: no line break, no control character."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def plain_text(subject: str, found: list[tuple[str, str]], figures: list[dict]) -> str:
    """The message as text."""
    lines = [f"- {headline}. {detail}" for headline, detail in found]
    shown = [f"{one['label']}: {one['value']} ({one['change']} {one['before']})".replace(" ( )", "") for one in figures]
    return "\n".join([subject, "", *lines, "", *shown]) + "\n"


def html_text(subject: str, found: list[tuple[str, str]], figures: list[dict], words: Words) -> str:
    """The message as simple HTML."""
    items = "".join(f"<li><b>{escape(headline)}</b><br>{escape(detail)}</li>" for headline, detail in found)
    rows = "".join(
        f"<tr><th align=left scope=row>{escape(one['label'])}</th><td align=right>{escape(one['value'])}</td>"
        f"<td>{escape(one['change'])} {escape(one['before'])}</td></tr>"
        for one in figures
    )
    return (
        f'<!doctype html><html lang="{words.tag}"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        f"<body><h1>{escape(subject)}</h1><ul>{items}</ul><table cellpadding=6>{rows}</table></body></html>"
    )
