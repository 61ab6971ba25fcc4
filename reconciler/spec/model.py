"""The tables of a spec: every key with its type, its default and its meaning. docs/spec.md is made from them.

Absent means: not managed, or the default that is shown. Rules that need more than one value are in `spec.rules`
(a URL, a handle) and `spec.compile` (references, duplicates).
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final, Literal, Required

from pydantic import BaseModel, ConfigDict, Field, with_config
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict, get_type_hints  # pydantic wants these before Python 3.12

CLAVEX: Final = "clavex"
"""The one provider that the language itself knows: clients and organisations exist only there."""

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]*$"
WORD_PATTERN = r"^[^\s\x00-\x1f\x7f]+$"
DAYS_PATTERN = "^[1-9][0-9]{0,3}d$"
SOURCE_PATTERN = r"^(email|first_name|last_name|sub|groups|roles|attribute:.+|value:.+)$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=100)]
"""The name of a table. It becomes part of addresses and of request headers."""
Text = Annotated[str, Field(min_length=1)]
Word = Annotated[str, Field(pattern=WORD_PATTERN)]
Label = Annotated[str, Field(min_length=1, max_length=120)]
Claim = Annotated[str, Field(min_length=1, max_length=128)]
Source = Annotated[str, Field(pattern=SOURCE_PATTERN)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]  # TOML has lists, which are not strictly tuples
Names = Annotated[tuple[Text, ...], Field(strict=False)]
Words = Annotated[tuple[Word, ...], Field(strict=False, min_length=1)]
Types = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
Days = Annotated[str, Field(pattern=DAYS_PATTERN)]
Seconds = Annotated[int, Field(ge=0)]


class Table(BaseModel):
    """A table of the spec. Nothing is converted, and a key that is not known is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class StackTable(Table):
    """What holds for the whole stack."""

    secrets: str | None = Field(
        None,
        description="The store that client secrets are kept in: `file:NAME` (a file of this machine, mode 0600), "
        "`age:NAME` (encrypted for the recipients of `[age.NAME]`, in Git or beside the state) or "
        "`command:NAME` (a command of the operator's own configuration; the spec only names it). "
        "Default: `file:` and the name of the stack.",
        examples=["file:acme"],
    )
    encrypt: str | None = Field(
        None,
        description="Whom the state, its journal and backups, and saved plans are encrypted for: `age:NAME` means "
        "the recipients of `[age.NAME]`. An encrypted state stays so: only `off` lets it become a plain one again.",
        examples=["age:acme"],
    )


class AgeTable(Table):
    """Recipients of age, and a store of secrets that is encrypted for them.

    What it takes to read it is never in a spec: the identity comes from `RECONCILER_AGE_IDENTITY` or the operator's
    own configuration.
    """

    recipients: Names = Field(
        min_length=1,
        description="Whom it is encrypted for: everybody who shall read it, the CI runner included. Public.",
        examples=[["age1zp8csrxjmtg84znugf7lke9qganv3lr66kuj6mpjk5sxsh30gfksmydy6r"]],
    )
    file: Text | None = Field(
        None,
        description="The file, in the folder of the stack, so that it may lie in Git. "
        "Default: it lies beside the state, wherever `[backend]` keeps that: a runner without a disk loses nothing.",
        examples=["secrets.age"],
    )


class BackendHead(Table):
    """Where the state of the stack lies, each environment's for itself. Left out, it is a folder of this machine.

    The other keys are those of the kind.
    """

    model_config = ConfigDict(extra="allow")

    kind: Literal["local", "postgres", "s3", "http"] = Field(
        "local", description="What kind of place it is; docs/state.md says what each guarantees."
    )


class SystemTable(Table):
    """One running installation: an organisation of a Clavex, a Jira, a Confluence.

    Keys that only one provider understands stand here too.
    """

    model_config = ConfigDict(extra="allow")

    provider: str = Field(description="What kind of system it is.", examples=["jira"])
    url: str = Field(
        description="Its base URL, with the context path if it has one; no credentials, no query.",
        examples=["https://jira.acme.eu"],
    )
    org: str | None = Field(
        None,
        description="Clavex only, and needed there: the slug of the organisation. The issuer is `url`/`org`.",
        examples=["acme"],
    )
    token: str | None = Field(
        None,
        description="Where the token lies: `env:VARIABLE`, `file:NAME#KEY`, `age:NAME#KEY` or `command:NAME#KEY`; "
        "never the token.",
        examples=["env:JIRA_TOKEN"],
    )
    username: Text | None = Field(
        None,
        description="The user that the product is asked as, where there is no token. Not for Clavex.",
        examples=["admin"],
    )
    password: str | None = Field(
        None,
        description="Where the password of `username` lies; written like `token`.",
        examples=["env:JIRA_PASSWORD"],
    )
    ca_file: Text | None = Field(
        None,
        description="A file of certificates to trust besides the system's own, in the folder of the stack.",
        examples=["ca.pem"],
    )
    proxy: str | None = Field(
        None,
        description="The proxy that it is asked through, without credentials. Default: what `https_proxy` and "
        "`no_proxy` say. Loopback is asked directly unless this is set.",
        examples=["http://proxy.acme.eu:3128"],
    )
    allow_http: bool = Field(
        default=False,
        description="Permits an `http` URL whose host is not loopback: credentials then travel in clear text.",
    )


@with_config(ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True))
class ClientTable(TypedDict, total=False):  # of which there may be thousands: a model takes half as long again
    """One OpenID Connect client in Clavex.

    Callbacks of the sign-ons that use it are added to `redirect_uris` by themselves.
    """

    system: Required[
        Annotated[
            str,
            Field(description="The Clavex that it lives in: a name from `[systems.*]`.", examples=["clavex"]),
        ]
    ]
    client_id: Annotated[
        Text,
        Field(
            description="Its id: letters and digits, at most 120. Default: the name of the table.",
            examples=["atlassian"],
        ),
    ]
    name: Annotated[Label, Field(description="What people see.", examples=["Jira + Confluence"])]
    redirect_uris: Annotated[
        Texts,
        Field(
            description="Redirect URIs besides the callbacks of sign-ons. `https://*.HOST/…` stands for any first "
            "label.",
            examples=[["https://wiki.acme.eu/callback"]],
        ),
    ]
    post_logout_redirect_uris: Annotated[Texts, Field(description="Where people may land after logout.")]
    grant_types: Annotated[
        Words, Field(description="OAuth grant types.", examples=[["authorization_code", "refresh_token"]])
    ]
    response_types: Annotated[Types, Field(description="OAuth response types.", examples=[["code"]])]
    scopes: Annotated[
        Words,
        Field(description="Scopes that the client may ask for.", examples=[["openid", "profile", "email", "groups"]]),
    ]
    token_endpoint_auth_method: Annotated[
        Literal["client_secret_basic", "client_secret_post"],
        Field(description="How the client shows its secret.", examples=["client_secret_post"]),
    ]
    public: Annotated[
        bool,
        Field(description="A client without a secret; no sign-on can use it.", json_schema_extra={"default": False}),
    ]
    active: Annotated[bool, Field(description="Whether people can log in through it.")]
    access_token_ttl: Annotated[
        Seconds,
        Field(description="Lifetime of access tokens in seconds; 0: as the organisation says.", examples=[3600]),
    ]
    refresh_token_ttl: Annotated[
        Seconds,
        Field(description="Lifetime of refresh tokens in seconds; 0: as the organisation says.", examples=[86400]),
    ]
    secret: Annotated[
        str,
        Field(
            description="Where the client secret lies, if not in the store of `[stack]`: `env:VARIABLE`, "
            "`file:NAME#KEY`, `age:NAME#KEY` or `command:NAME#KEY`. `env` can only give a secret that exists "
            "already.",
            examples=["env:ATLASSIAN_SECRET"],
        ),
    ]
    rotate_after: Annotated[
        Days,
        Field(
            description="How old the client secret may become, in days. After that the plan holds a new one, by the "
            "hazard *rotates*; docs/rotation.md says how to do it without downtime. Default: any age.",
            examples=["90d"],
        ),
    ]
    external: Annotated[
        bool,
        Field(
            description="Somebody else owns the client: only our redirect URIs are ensured on it. Such a table holds "
            "`system`, `client_id`, `redirect_uris` and `secret` at most.",
            json_schema_extra={"default": False},
        ),
    ]
    claims: Annotated[
        dict[Claim, Source],
        Field(
            description="Claims that mappers add to the ID token, each with its source: `email`, `first_name`, "
            "`last_name`, `sub`, `groups`, `roles`, `attribute:NAME` (of the user) or `value:TEXT`.",
            examples=[{"preferred_username": "email"}],
        ),
    ]


class AttributesTable(Table):
    """Which claim each attribute of a user comes from. An empty text leaves the attribute alone."""

    username: Claim = Field("preferred_username", description="The name that people log in as; decides who they are.")
    email: str = Field("email", description="E-mail address.")
    first_name: str = Field("given_name", description="First name.")
    last_name: str = Field("family_name", description="Last name.")
    display_name: str = Field("", description="Full name, where the plugin takes it from one claim.")
    groups: str = Field("groups", description="Names of the groups.")


class SignOnTable(Table):
    """One sign-on: a product that lets people in through a client, by a plugin.

    A table named after a plugin holds what only that plugin understands. Tables of other plugins may stand beside
    it; they are checked and otherwise ignored, so that changing `plugin` is all it takes to change.
    """

    model_config = ConfigDict(extra="allow")

    system: str = Field(description="The product: a name from `[systems.*]`.", examples=["jira"])
    plugin: str = Field(description="The plugin that does it.", examples=["miniorange"])
    client: str = Field(description="The client that it uses: a name from `[clients.*]`.", examples=["atlassian"])
    enabled: bool = Field(default=True, description="Whether it is offered to people.")
    display_name: Label = Field("Sign in with Clavex", description="The text of the login button.")
    scopes: Words | None = Field(
        None, description='Scopes to ask for. Default: those of the client, else `["openid", "profile", "email"]`.'
    )
    attributes: AttributesTable = Field(
        default_factory=AttributesTable, description="Which claim each attribute of a user comes from."
    )
    groups: dict[Text, Text] = Field(
        default_factory=dict,
        description="Groups of Clavex and the group of the product that each stands for. Both are created where they "
        "are missing.",
        examples=[{"jira-administrators": "jira-administrators"}],
    )
    claims_from: Literal["userinfo", "id_token"] | None = Field(
        None,
        description="Where the plugin reads claims. Default: what the plugin is assumed to do; the plan says so.",
    )
    callback: Word | None = Field(
        None,
        description="The redirect URI of the plugin, whole or as a path below the product's URL. Default: its own.",
        examples=["/plugins/servlet/oauth/callback"],
    )
    update_attributes_on_login: bool | None = Field(
        None, description="Whether each login brings a user's attributes up to date."
    )
    create_users: bool | None = Field(None, description="Whether a first login makes an account.")
    default_groups: Names | None = Field(None, description="Groups of the product that new users join.")
    login_form: bool | None = Field(None, description="Whether the product's own login form stays.")
    login_fallback: bool | None = Field(
        None, description="Whether the form can still be reached by a special address when it is off."
    )
    auto_redirect: bool | None = Field(None, description="Whether the login page sends people on by itself.")


class GroupTable(Table):
    """One group that is managed by itself, or more about a group that a mapping names."""

    system: str = Field(description="Where it lives: a name from `[systems.*]`.", examples=["clavex"])
    name: Text | None = Field(None, description="Its name. Default: the name of the table.")
    description: Text | None = Field(None, description="Clavex only, where it can be set at creation only.")
    on_remove: Literal["forget", "delete"] = Field(
        "forget", description="What leaving the spec does to a group that we created: leave it there, or delete it."
    )


class SpecTables(Table):
    """A spec is TOML: one or more files `*.toml` in the folder of a stack."""

    stack: StackTable = Field(default_factory=StackTable)
    age: dict[Name, AgeTable] = Field(default_factory=dict)
    backend: BackendHead = Field(default_factory=BackendHead)
    systems: dict[Name, SystemTable] = Field(default_factory=dict)
    clients: dict[Name, ClientTable] = Field(default_factory=dict)
    sso: dict[Name, SignOnTable] = Field(default_factory=dict)
    groups: dict[Text, GroupTable] = Field(default_factory=dict)


Model = type[BaseModel] | type[ClientTable]
"""What describes a table."""


def keys_of(model: Model) -> dict[str, FieldInfo]:
    """The keys of a table as they are written, which for a Python keyword is not the name of its field."""
    if issubclass(model, BaseModel):
        return {field.alias or name: field for name, field in model.model_fields.items()}
    return _keys_of_client()


@cache  # each error in a table asks for them
def _keys_of_client() -> dict[str, FieldInfo]:
    kinds = get_type_hints(ClientTable, include_extras=True)
    return {key: FieldInfo.from_annotation(kind) for key, kind in kinds.items()}
