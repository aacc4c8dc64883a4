"""What a person agrees to before an approval is written: the verdict that was shown, and each sentence.

An approval says that somebody looked. So either the person at the terminal is asked, or a script names the
evidence that somebody looked at.
"""

import sys
from dataclasses import replace

from modelalias.api.request import PromotionRequest
from modelalias.cli import approval_entry, output, question, report, table
from modelalias.cli.approval_entry import Choice
from modelalias.cli.sight import Sight
from modelalias.core.errors import InvalidRequest


def asked(sight: Sight, choice: Choice) -> Choice:
    """Show the verdict and ask for consent; return the choice with the evidence that was shown.

    What would be refused is refused before anybody is asked. Raise `InvalidRequest` if the person does not agree,
    or if there is no terminal to ask at.
    """
    request = sight.request
    whole = replace(choice, confirms_all=True)
    if approval_entry.edit(request, sight.rules, sight.who, whole) is None:
        return replace(whole, evidence=_evidence(request))  # it is there already: nothing will be written
    verdict = report.verdict(request)
    if not question.can_be_asked():
        output.show(verdict)
        raise InvalidRequest(
            "not approved: without a terminal nobody can be asked, so give the evidence of the verdict that "
            f"somebody looked at with --evidence (modelalias status {request.metadata.name} shows both)"
        )
    sys.stderr.write(verdict)
    checklist = request.status.approvals.checklist if request.status.approvals else ()
    for sentence in checklist:
        known = choice.confirms_all or sentence in choice.confirmed
        if not known and not question.is_agreed(f"do you confirm: {sentence}?"):
            raise InvalidRequest(f"not approved: not confirmed: {sentence}")
    what = f"{table.versions(request.status)}, of {request.spec.alias_ref.name}"
    if not question.is_agreed(f"approve {what} as {sight.who.user}?"):
        raise InvalidRequest("not approved")
    return replace(choice, evidence=_evidence(request), confirmed=checklist)


def _evidence(request: PromotionRequest) -> str | None:
    return request.status.resolved.evidence if request.status.resolved else None
