"""The calls of operators and of whoever looks at what was done: a part of the table of all calls."""

from collections.abc import Sequence

from services.console.bodies.crm_push import CrmPush, NewCrmPush
from services.console.bodies.dead_letters import (
    DeadLetterFilter,
    DeadLetterQuery,
    Deletions,
    InspectedDeadLetter,
    Replays,
    ShownDeadLetter,
)
from services.console.bodies.effects import (
    DeliveryQuery,
    EffectQuery,
    Lead,
    Notice,
    NoticeQuery,
    Resubscription,
    ShownDelivery,
    Task,
)
from services.console.bodies.emails import NewSend, RenderedMail, RenderRequest, Send
from services.console.bodies.pauses import NewPause, Pause
from services.console.bodies.record_hooks import NewRecordHook, RecordHook, RecordHookSettings
from services.console.bodies.webhooks import WebhookTest, WebhookTested
from services.console.handlers.crm_push import CrmPushes
from services.console.handlers.dead_letters import DeadLetters
from services.console.handlers.effects import Effects
from services.console.handlers.emails import Emails
from services.console.handlers.pauses import Pauses
from services.console.handlers.record_hooks import RecordHooks
from services.console.handlers.webhooks import Webhooks
from services.console.paging import Page, PageQuery
from services.console.route import AnyRoute, Route


def effects_routes(effects: Effects) -> Sequence[AnyRoute]:
    """Return the routes to what actions made."""
    return (
        Route("GET", "/api/leads", "List the leads, newest first", effects.leads, Page[Lead], query=EffectQuery),
        Route("GET", "/api/tasks", "List the tasks, newest first", effects.tasks, Page[Task], query=EffectQuery),
        Route(
            "GET",
            "/api/resubscriptions",
            "List on what grounds unsubscribes were overruled, newest first",
            effects.resubscriptions,
            Page[Resubscription],
            query=EffectQuery,
        ),
        Route(
            "GET", "/api/notices", "List the notices, newest first", effects.notices, Page[Notice], query=NoticeQuery
        ),
        Route(
            "POST",
            "/api/notices/{id}/read",
            "Note that a notice was read",
            effects.read_notice,
            Notice,
            problems=(404,),
        ),
        Route(
            "GET",
            "/api/deliveries",
            "List what is still to be delivered, next first",
            effects.deliveries,
            Page[ShownDelivery],
            query=DeliveryQuery,
        ),
    )


def email_routes(emails: Emails) -> Sequence[AnyRoute]:
    """Return the routes of list e-mails for whoever sends them."""
    return (
        Route(
            "POST",
            "/api/emails/{id}/render",
            "Render a list e-mail for one prospect, to be sent from elsewhere",
            emails.render,
            RenderedMail,
            body=RenderRequest,
            problems=(404, 409),
        ),
        Route(
            "POST",
            "/api/emails/{id}/send",
            "Send a list e-mail to the subscribed members of a list",
            emails.send,
            Send,
            body=NewSend,
            status=202,
            problems=(404,),
        ),
        Route("GET", "/api/sends/{id}", "Tell how a send to a list stands", emails.read_send, Send, problems=(404,)),
    )


def push_routes(pushes: CrmPushes) -> Sequence[AnyRoute]:
    """Return the routes to the push of tasks and leads."""
    path = "/api/crm-push"
    return (
        Route("GET", path, "Tell where tasks and leads are pushed to", pushes.read, CrmPush, problems=(404,)),
        Route("PUT", path, "Push tasks and leads to a CRM from now on", pushes.write, CrmPush, body=NewCrmPush),
        Route("DELETE", path, "Push no more", pushes.delete, type(None), status=204, problems=(404,)),
    )


def hook_routes(hooks: RecordHooks) -> Sequence[AnyRoute]:
    """Return the routes to how a CRM's records are read."""
    every, one = "/api/hooks", "/api/hooks/{id}"
    return (
        Route("GET", every, "List the record hooks", hooks.page, Page[RecordHook], query=PageQuery),
        Route(
            "POST",
            every,
            "Make a hook by which a CRM tells of its records",
            hooks.create,
            RecordHook,
            body=NewRecordHook,
            status=201,
            problems=(409,),
        ),
        Route(
            "PUT",
            one,
            "Read what is sent another way",
            hooks.replace,
            RecordHook,
            body=RecordHookSettings,
            problems=(404,),
        ),
        Route("DELETE", one, "Take a hook away", hooks.delete, type(None), status=204, problems=(404,)),
    )


def webhook_routes(webhooks: Webhooks) -> Sequence[AnyRoute]:
    """Return the routes to what is tried before it is used."""
    return (
        Route(
            "POST",
            "/api/webhooks/test",
            "Send a webhook once, as an action would",
            webhooks.test,
            WebhookTested,
            body=WebhookTest,
            problems=(404, 503),
        ),
    )


def operations_routes(letters: DeadLetters, pauses: Pauses) -> Sequence[AnyRoute]:
    """Return the routes of operators."""
    every, one = "/api/dead-letters", "/api/dead-letters/{id}"
    return (
        Route(
            "GET",
            every,
            "List the dead letters, newest first",
            letters.page,
            Page[ShownDeadLetter],
            query=DeadLetterQuery,
        ),
        Route("GET", one, "Read a dead letter with its bytes", letters.read, InspectedDeadLetter, problems=(404,)),
        Route(
            "POST", f"{one}/replay", "Replay a dead letter", letters.replay, Replays, status=202, problems=(404, 409)
        ),
        Route(
            "POST",
            f"{every}/replay",
            "Replay the dead letters that match, as many as one call may",
            letters.replay_all,
            Replays,
            body=DeadLetterFilter,
            status=202,
        ),
        Route("DELETE", one, "Delete a dead letter", letters.delete, type(None), status=204, problems=(404,)),
        Route(
            "DELETE",
            every,
            "Delete the dead letters that match, as many as one call may",
            letters.delete_all,
            Deletions,
            query=DeadLetterFilter,
        ),
        Route("GET", "/api/pauses", "List the pauses", pauses.page, Page[Pause], query=PageQuery),
        Route(
            "POST",
            "/api/pauses",
            "Pause an action type, an action that reaches outside, or a destination",
            pauses.pause,
            Pause,
            body=NewPause,
            status=201,
        ),
        Route("DELETE", "/api/pauses/{id}", "End a pause", pauses.resume, type(None), status=204, problems=(404,)),
    )
