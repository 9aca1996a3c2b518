"""Files that hold leads and deals together, told apart by a column of kinds of rows, as Odoo has them."""

from salesbook.sources import naming
from salesbook.sources.known import outcome
from salesbook.sources.proposed import Fed, Match, Proposal, quoted

BY_CONTENTS = "by contents"
KINDS = ("lead", "opportunity")


def settle(made: Proposal, fed: Fed) -> None:
    """Leave out the leads that a file of deals holds, too, and that would be counted as open deals; read them as leads.

    Rule: a column called type that says lead or opportunity of every row tells them. Of another with these words among
    its own it is asked what they mean, and no row that has one is read before that is answered.
    """
    taken = {match.named for match in fed.matches if match.column != "type"}
    for name, profile in fed.profiles.items():
        kinds = {value: outcome(value, KINDS) for value in profile.values if name not in taken}
        if not set(KINDS) <= set(kinds.values()):
            continue
        words = {value: "yes" if kind == "lead" else "no" for value, kind in kinds.items()}
        if "" not in kinds.values() and fed.source_of("type") is profile:
            made.words.setdefault("deals", {}).update({"is_lead": words, "type": dict.fromkeys(words, "")})
            read_leads(made, fed, name, words)
        else:
            ask_for_leads(made, name, words)
        fed.matches.append(Match("is_lead", name, BY_CONTENTS))
        fed.unused = [one for one in fed.unused if one != name]
        made.do("deals", "leads_left_out")
        return


def ask_for_leads(made: Proposal, name: str, words: dict[str, str]) -> None:
    """Ask which words of a column say that a row is a lead."""
    ways = (words, dict.fromkeys(words, "no"))
    lines = ["\n".join(f"{quoted(value)} = {quoted(word)}" for value, word in way.items()) for way in ways]
    ask = f"Which rows are leads by {name!r}, and no deals? As the first lines say, or the second, where none is."
    made.ask("words.deals.is_lead", ask, *lines)


def read_leads(made: Proposal, deals: Fed, name: str, words: dict[str, str]) -> None:
    """Read the leads of a file of deals as leads, where no other file has any.

    Rule: where a column says when leads became deals, these are leads, too. Without one those that became deals are no
    more among the leads, so that it is asked whether the others are to be read.
    """
    matches, unused = naming.named("leads", deals.profiles)
    told = {match.named for match in deals.matches if match.column in ("stage", "status")}
    matches = [match for match in matches if match.named not in told]
    there = {match.column for match in matches}
    if deals.is_asked or any(fed.name == "leads" for fed in made.fed) or not {"lead_id", "created_at"} <= there:
        return
    matches.append(Match("is_lead", name, BY_CONTENTS))
    leads = Fed("leads", deals.files, matches, unused, deals.profiles, partial=deals.partial)
    made.words["leads"] = {"is_lead": words}
    made.do("leads", "deals_left_out")
    made.fed.append(leads)
    if "converted_at" not in there:
        leads.is_asked = True
        files = quoted(deals.files[0]) if len(deals.files) == 1 else f"[{', '.join(map(quoted, deals.files))}]"
        ask = f"{deals.files[0]} has leads beside deals, without those that became deals, which no column tells."
        ask += " Read them as leads, too? No share of leads that became deals will be right then."
        made.ask("files", ask, f"leads = {files}")
