"""The brief of a case: a summary for one of the three sides, as data, text or a mail."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from service.api.case_schema import Ask, Out, ParkedTopic, Side, ToneHint, doc
from service.api.dependencies import Audience, Language, TheCase, TheDesk, case_responses
from service.api.paging import answer
from service.cases import brief_text
from service.cases.state import Level, Status


class BriefProblem(Out):
    """What the case is about."""

    statement: str = doc("The sentence that states the problem, verbatim; or the title. Empty if it has a tone hint.")
    message: str | int | None = doc("`id` of the message that contains the sentence; null if there is none.")
    item: str | None = doc("The checklist item that the sentence answers; null for a stated problem or the title.")


class BriefEntry(Out):
    """One fact, in the words of its author."""

    item: str = doc("Id of a checklist item; `parked:` and a topic for later; in `standing`, the id of a meaning.")
    label: str = doc("Name of the item in the language of the brief.")
    text: str = doc("The fact, verbatim, without its form label. Other people's values follow with their names.")
    state: Literal["present", "unknown", "missing", "waived"] = doc("State; `unknown`: the sender does not know it.")
    message: str | int | None = doc("`id` of the message that states the fact; null if there is none.")
    partial: bool = doc("True if the fact is not exact enough, such as a day without a time.")


class BriefSection(Out):
    """A group of facts."""

    id: str = doc("Id of the section, as in `titles`.", examples=["standing", "impact"])
    title: str = doc("Heading in the language of the brief.")
    entries: list[BriefEntry] = doc("The facts; empty if none is known.")


class BriefGap(Out):
    """A fact that must still be asked for."""

    item: str = doc("Id of the checklist item.")
    label: str = doc("Name of the item in the language of the brief.")


class BriefReword(BriefGap):
    """A fact that the brief leaves out, because it should be worded more politely (tone hint)."""

    tone: str = doc("Id of the tone hint (`GET /api/meanings`).")
    advice: str | dict[str, str] = doc("What to write instead.")


class BriefFile(Out):
    """A file that your side sent."""

    filename: str = doc("Name of the file.")
    size: int = doc("Size in bytes.")
    message: str | int = doc("`id` of the message to which the file is attached.")


class BriefPriority(Out):
    """The priority and the text that shows it."""

    level: Level = doc("The priority.")
    evidence: list[str] = doc("The text that shows the priority, verbatim.")


class Brief(Out):
    """Summary of a case for a vendor, the team or the requester. The last five fields are only for the team."""

    for_: Audience = doc("Who will read it.", alias="for")
    lang: Language = doc("Language of headings and labels. Quotes are not translated.")
    case: str | None = doc("Key of the case.")
    title: str = doc("Title of the case.")
    problem: BriefProblem = doc("The problem in one sentence.")
    vendor: str | None = doc("Id of the vendor; null if no vendor is known.")
    references: list[str] = doc("The vendor's case numbers.")
    sections: list[BriefSection] = doc("What is known, in groups.")
    gaps: list[BriefGap] = doc("What must still be asked for.")
    reword: list[BriefReword] = doc("Facts that a brief for a vendor does not contain, because of their wording.")
    attached: list[BriefFile] = doc("Files that your side sent.")
    titles: dict[str, str] = doc("Headings in the language of the brief, by id.")
    status: Status | None = doc("Status of the case.")
    waiting_on: Side | None = doc("The side that has to act next; null if nobody has to act.")
    waiting_since: datetime | None = doc("Since when this side has to act, or since when nobody has to act.")
    promised: datetime | None = doc("When the next promised update is due; null: none is, or the case is over.")
    priority: BriefPriority | None = doc("Only for the team: the priority.", None)
    needs_triage: bool | None = doc("Only for the team: as in the case.", None)
    open_asks: list[Ask] | None = doc("Only for the team: open requests of the vendor.", None)
    parked: list[ParkedTopic] | None = doc("Only for the team: topics to discuss after the problem is solved.", None)
    tone: list[ToneHint] | None = doc("Only for the team: suggestions for a more polite wording.", None)


router = APIRouter(prefix="/api/cases", tags=["cases"])


@router.get(
    "/{key}/brief",
    response_model=Brief,
    responses={
        200: {"content": {"text/plain": {}, "text/markdown": {}, "message/rfc822": {}}, "description": "The brief."},
        **case_responses(404),
    },
)
def read_brief(
    case: TheCase,
    desk: TheDesk,
    for_: Annotated[Audience, Query(alias="for", description="Who will read it.")] = "vendor",
    lang: Annotated[Language | None, Query(description="Language; by default that of the reader.")] = None,
    format: Annotated[
        Literal["json", "text", "markdown", "eml"],
        Query(description="`text`: plain text; `eml`: a draft that a mail program opens."),
    ] = "json",
) -> Response:
    """Return a summary of the case. `eml` returns it as a draft with the address of the case in Cc."""
    if format == "eml":
        name = {"Content-Disposition": f'attachment; filename="{desk.key_of(case.id)}.eml"'}
        return Response(desk.brief_draft(case.id, for_, lang), headers=name, media_type="message/rfc822")
    _, brief = desk.brief(case.id, for_, lang)
    match format:
        case "markdown":
            return Response(brief_text.markdown(brief, desk.settings.zone), media_type="text/markdown; charset=utf-8")
        case "text":
            return Response(brief_text.text(brief, desk.settings.zone), media_type="text/plain; charset=utf-8")
    return answer(brief)
