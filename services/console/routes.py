"""The table of all calls: what is served, what OpenAPI tells, and what a test counts."""

from collections.abc import Sequence

from core.tokens import TokenKey
from schemas.action_lists import Actions
from schemas.field_catalogue import Field
from services.blobs.local import LocalBlobs
from services.blobs.settings import Blobs as BlobSettings
from services.blobs.store import Blobs
from services.console.bodies.action_lists import ActionChanges, ActionOrder, NewAction, ShownList, VersionQuery
from services.console.bodies.api_keys import CreatedApiKey, NewApiKey, ShownApiKey
from services.console.bodies.assets import AssetChanges, FormSnippet, NewAsset, ShownAsset
from services.console.bodies.catalogue import Catalogue, CatalogueField
from services.console.bodies.dry_runs import DryRun, DryRunAnswer
from services.console.bodies.erasures import Receipt
from services.console.bodies.files import FileQuery
from services.console.bodies.imports import Import, Imported
from services.console.bodies.interactions import InteractionAccount, TimelineEntry
from services.console.bodies.links import Link, NewLink
from services.console.bodies.lists import MailingList, NewList
from services.console.bodies.prospects import NewProspect, Prospect, ProspectChanges
from services.console.bodies.teams import NewTeam, Team
from services.console.bodies.templates import ListedTemplate, NewTemplate, ShownTemplate, TemplateChanges
from services.console.bodies.users import NewUser, User, UserChanges
from services.console.handlers.action_lists import ActionLists, with_id, with_ids
from services.console.handlers.api_keys import Keys
from services.console.handlers.assets import AssetQuery, Assets
from services.console.handlers.catalogue import CatalogueFields
from services.console.handlers.crm_push import CrmPushes
from services.console.handlers.dead_letters import DeadLetters
from services.console.handlers.dry_runs import DryRuns
from services.console.handlers.effects import Effects
from services.console.handlers.emails import Emails
from services.console.handlers.erasures import Erasures
from services.console.handlers.files import Files
from services.console.handlers.imports import Imports
from services.console.handlers.interactions import Interactions
from services.console.handlers.links import Links
from services.console.handlers.lists import Lists
from services.console.handlers.pauses import Pauses
from services.console.handlers.prospects import Prospects
from services.console.handlers.record_hooks import RecordHooks
from services.console.handlers.teams import Teams
from services.console.handlers.templates import Templates
from services.console.handlers.users import Users
from services.console.handlers.webhooks import Webhooks
from services.console.operations import (
    effects_routes,
    email_routes,
    hook_routes,
    operations_routes,
    push_routes,
    webhook_routes,
)
from services.console.paging import Page, PageQuery
from services.console.publications import Publications
from services.console.route import AnyRoute, Route, Upload
from services.console.settings import Console
from services.console.transactions import Database
from services.outbound.settings import Webhook


def routes(
    database: Database,
    publications: Publications,
    console: Console,
    keys: Sequence[TokenKey] = (),
    webhooks: Webhooks | None = None,
    blobs: Blobs | None = None,
) -> Sequence[AnyRoute]:
    """Build the handlers and return every route. Without `keys` of tokens no links are made, without `webhooks` none is
    tried, without `blobs` files are kept in the folder of the default settings."""
    webhooks = webhooks or Webhooks(database, None, Webhook())
    reachable = frozenset(webhooks.settings.allow)
    return (
        *_records(Prospects(database, publications), Interactions(database)),
        *_imports(Imports(database, publications)),
        *_erasures(Erasures(database, publications)),
        *_assets(Assets(database, publications, console.public_url), Links(database, keys, console.public_url)),
        *_files(Files(database, publications, blobs or LocalBlobs(BlobSettings().folder))),
        *_templates(Templates(database, publications)),
        *_actions(ActionLists(database, publications, reachable)),
        *_dry_runs(DryRuns(database, reachable)),
        *email_routes(Emails(database, keys, console.public_url)),
        *webhook_routes(webhooks),
        *push_routes(CrmPushes(database, reachable)),
        *hook_routes(RecordHooks(database, console.public_url)),
        *_references(Users(database, publications), Teams(database), Lists(database)),
        *_workspace(CatalogueFields(database, console.fields_max), Keys(database)),
        *effects_routes(Effects(database)),
        *operations_routes(DeadLetters(database, console.letters_max), Pauses(database)),
    )


def _records(prospects: Prospects, interactions: Interactions) -> Sequence[AnyRoute]:
    one = "/api/prospects/{id}"
    return (
        Route(
            "POST",
            "/api/prospects",
            "Create a prospect",
            prospects.create,
            Prospect,
            body=NewProspect,
            status=201,
            problems=(409, 504),
        ),
        Route("GET", one, "Read a prospect", prospects.read, Prospect, problems=(404, 410)),
        Route(
            "PATCH",
            one,
            "Change a prospect: fields are merged, null clears one; tags and lists are replaced",
            prospects.change,
            Prospect,
            body=ProspectChanges,
            guarded=True,
            problems=(404, 409, 410, 504),
        ),
        Route(
            "GET",
            f"{one}/timeline",
            "List a prospect's interactions, decisions and outcomes, newest first",
            interactions.timeline,
            Page[TimelineEntry],
            query=PageQuery,
            problems=(404, 410),
        ),
        Route(
            "GET",
            "/api/interactions/{uid}",
            "Explain an interaction: which actions fired or why not, their commands and outcomes",
            interactions.read,
            InteractionAccount,
            problems=(404,),
        ),
    )


def _imports(imports: Imports) -> Sequence[AnyRoute]:
    return (
        Route(
            "POST",
            "/api/import",
            "Bring in prospects; their changes raise triggers only if that is asked for",
            imports.bring_in,
            Imported,
            body=Import,
            problems=(504,),
        ),
    )


def _erasures(erasures: Erasures) -> Sequence[AnyRoute]:
    one = "/api/prospects/{id}"
    return (
        Route(
            "DELETE",
            one,
            "Erase a prospect, for good, and answer the receipt; again answers the same",
            erasures.erase,
            Receipt,
            problems=(404, 504),
        ),
        Route(
            "GET", f"{one}/erasure", "Read the receipt of an erased prospect", erasures.read, Receipt, problems=(404,)
        ),
    )


def _assets(assets: Assets, links: Links) -> Sequence[AnyRoute]:
    every, one = "/api/assets", "/api/assets/{id}"
    return (
        Route("GET", every, "List the assets", assets.page, Page[ShownAsset], query=AssetQuery),
        Route(
            "POST", every, "Create an asset", assets.create, ShownAsset, body=NewAsset, status=201, problems=(409, 504)
        ),
        Route("GET", one, "Read an asset", assets.read, ShownAsset, problems=(404,)),
        Route("PATCH", one, "Change an asset", assets.change, ShownAsset, body=AssetChanges, problems=(404, 504)),
        Route(
            "GET", f"{one}/snippet", "Get a form's HTML for any page", assets.snippet, FormSnippet, problems=(404, 409)
        ),
        Route(
            "POST", "/api/links", "Make an asset's link for one prospect", links.create, Link, body=NewLink, status=201
        ),
    )


def _files(files: Files) -> Sequence[AnyRoute]:
    return (
        Route(
            "PUT",
            "/api/assets/{id}/file",
            "Upload a hosted file, or replace it: its address stays",
            files.upload,
            ShownAsset,
            body=Upload,
            query=FileQuery,
            problems=(404, 409, 504),
        ),
    )


def _templates(templates: Templates) -> Sequence[AnyRoute]:
    every, one = "/api/templates", "/api/templates/{id}"
    return (
        Route("GET", every, "List the templates of mails", templates.page, Page[ListedTemplate], query=PageQuery),
        Route(
            "POST",
            every,
            "Create a template, which is a list e-mail, too",
            templates.create,
            ShownTemplate,
            body=NewTemplate,
            status=201,
            problems=(409, 504),
        ),
        Route("GET", one, "Read a template", templates.read, ShownTemplate, problems=(404,)),
        Route(
            "PATCH",
            one,
            "Change a template",
            templates.change,
            ShownTemplate,
            body=TemplateChanges,
            guarded=True,
            problems=(404, 504),
        ),
    )


def _actions(lists: ActionLists) -> Sequence[AnyRoute]:
    every, one = "/api/assets/{id}/actions", "/api/assets/{id}/actions/{action_id}"
    return (
        Route(
            "GET",
            every,
            "Read an asset's actions, newest version or another",
            lists.read,
            ShownList,
            query=VersionQuery,
            problems=(404,),
        ),
        Route(
            "PUT",
            every,
            "Save the whole ordered list as a new version",
            lists.replace,
            ShownList,
            body=Actions,
            guarded=True,
            problems=(404, 504),
            prepare=with_ids,
        ),
        Route(
            "POST",
            every,
            "Add an action at the end",
            lists.append,
            ShownList,
            body=NewAction,
            status=201,
            guarded=True,
            problems=(404, 409, 504),
            prepare=with_id,
        ),
        Route(
            "PUT",
            f"{every}/order",
            "Put the actions into another order",
            lists.reorder,
            ShownList,
            body=ActionOrder,
            guarded=True,
            problems=(404, 504),
        ),
        Route(
            "PATCH",
            one,
            "Change an action",
            lists.change,
            ShownList,
            body=ActionChanges,
            guarded=True,
            problems=(404, 504),
        ),
        Route("DELETE", one, "Remove an action", lists.remove, ShownList, guarded=True, problems=(404, 504)),
    )


def _dry_runs(dry_runs: DryRuns) -> Sequence[AnyRoute]:
    return (
        Route(
            "POST",
            "/api/assets/{id}/dry-run",
            "Tell what an interaction would set off, by the saved actions or by others, without any effect",
            dry_runs.run,
            DryRunAnswer,
            body=DryRun,
            problems=(404,),
            prepare=with_ids,
        ),
    )


def _references(users: Users, teams: Teams, lists: Lists) -> Sequence[AnyRoute]:
    return (
        Route("GET", "/api/users", "List the users", users.page, Page[User], query=PageQuery),
        Route("POST", "/api/users", "Create a user", users.create, User, body=NewUser, status=201, problems=(409,)),
        Route(
            "PATCH",
            "/api/users/{id}",
            "Change, disable or enable a user",
            users.change,
            User,
            body=UserChanges,
            problems=(404, 504),
        ),
        Route("GET", "/api/teams", "List the teams", teams.page, Page[Team], query=PageQuery),
        Route("POST", "/api/teams", "Create a team", teams.create, Team, body=NewTeam, status=201, problems=(409,)),
        Route("GET", "/api/lists", "List the mailing lists", lists.page, Page[MailingList], query=PageQuery),
        Route(
            "POST", "/api/lists", "Create a list", lists.create, MailingList, body=NewList, status=201, problems=(409,)
        ),
    )


def _workspace(catalogue: CatalogueFields, keys: Keys) -> Sequence[AnyRoute]:
    return (
        Route("GET", "/api/catalogue", "Read fields, operators and the schemas of actions", catalogue.read, Catalogue),
        Route(
            "POST",
            "/api/catalogue",
            "Add a field",
            catalogue.add,
            CatalogueField,
            body=Field,
            status=201,
            problems=(409,),
        ),
        Route("GET", "/api/keys", "List the API keys", keys.page, Page[ShownApiKey], query=PageQuery),
        Route("POST", "/api/keys", "Create an API key", keys.create, CreatedApiKey, body=NewApiKey, status=201),
        Route(
            "POST",
            "/api/keys/{id}/rotate",
            "Give an API key another secret; both are live",
            keys.rotate,
            CreatedApiKey,
            status=201,
            problems=(404,),
        ),
        Route(
            "DELETE",
            "/api/keys/{id}/previous",
            "Take the secret before the last rotation away",
            keys.retire,
            type(None),
            status=204,
            problems=(404,),
        ),
        Route("DELETE", "/api/keys/{id}", "Revoke an API key", keys.revoke, type(None), status=204, problems=(404,)),
    )
