"""Why the rest of SchemaStore isn't compiled: by address, what each of its errors says."""

from __future__ import annotations

__all__ = ["REFUSED"]

_ELSEWHERE = r"is remote|the mapped folder has no such file|there is no file|leads nowhere"
"""Refers to documents that the package doesn't carry; one also to parts that are nowhere."""
_PATTERN = r"the pattern .* can't be used|more than 200 errors"
"""Has patterns that ECMA-262 refuses in Unicode mode."""
_NOT_THERE = rf"leads nowhere|doesn't lead to a schema|{_PATTERN}"
"""Refers to a part that isn't in the document; one has such patterns as well."""
_DIALECT = rf"unknown dialect|{_ELSEWHERE}"
"""Is written in a dialect that isn't JSON Schema's, or whose name is misspelt."""
_TWICE = r"duplicate key"
"""Has one key twice."""
_NO_SCHEMA = r"unknown type|a schema must be an object"
"""Isn't what its own draft calls a schema."""

REFUSED: dict[str, str] = {
    "https://carafe.fm/schema/draft-02/bundle.schema.json": _ELSEWHERE,
    "https://json.schemastore.org/azure-deviceupdate-import-manifest-4.0.json": _ELSEWHERE,
    "https://json.schemastore.org/azure-deviceupdate-update-manifest-4.json": _ELSEWHERE,
    "https://json.schemastore.org/compilerconfig.json": _ELSEWHERE,
    "https://json.schemastore.org/drone.json": _ELSEWHERE,
    "https://json.schemastore.org/feed.json": _ELSEWHERE,
    "https://json.schemastore.org/liquibase-3.2.json": _TWICE,
    "https://json.schemastore.org/lsdlschema.json": _ELSEWHERE,
    "https://json.schemastore.org/mimetypes.json": _PATTERN,
    "https://json.schemastore.org/nodemon.json": _PATTERN,
    "https://json.schemastore.org/sarif-external-property-file-2.1.0-rtm.2.json": _ELSEWHERE,
    "https://json.schemastore.org/sarif-external-property-file-2.1.0-rtm.3.json": _ELSEWHERE,
    "https://json.schemastore.org/sarif-external-property-file-2.1.0-rtm.4.json": _ELSEWHERE,
    "https://json.schemastore.org/sarif-external-property-file-2.1.0-rtm.5.json": _ELSEWHERE,
    "https://json.schemastore.org/sarif-external-property-file-2.1.0.json": _ELSEWHERE,
    "https://json.schemastore.org/tslint.json": _NOT_THERE,
    "https://json.schemastore.org/web-manifest-combined.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/DataDog/schema/main/service-catalog/version.schema.json": _DIALECT,
    "https://raw.githubusercontent.com/GoogleContainerTools/skaffold/master/docs/content/en/schemas/v2beta22.json": _DIALECT,  # noqa: E501 - an address
    "https://raw.githubusercontent.com/Relativ-IT/Butane-Schemas/Release/Butane-Schema.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/SAP/ui5-manifest/master/schema.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/ahmadnassri/har-schema/master/lib/har.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/angular/angular-cli/master/packages/angular/cli/lib/config/workspace-schema.json": _ELSEWHERE,  # noqa: E501 - an address
    "https://raw.githubusercontent.com/architect-team/architect-cli/main/src/dependency-manager/schema/architect.schema.json": _PATTERN,  # noqa: E501 - an address
    "https://raw.githubusercontent.com/deepset-ai/haystack/master/haystack/json-schemas/haystack-pipeline.schema.json": _ELSEWHERE,  # noqa: E501 - an address
    "https://raw.githubusercontent.com/fujaba/fulibWorkflows/main/schemas/fulibWorkflows.schema.json": _ELSEWHERE,  # noqa: E501 - an address
    "https://raw.githubusercontent.com/iterative/dvcyaml-schema/master/schema.json": _PATTERN,
    "https://raw.githubusercontent.com/lalcebo/json-schema/master/serverless/reference.json": _NOT_THERE,
    "https://raw.githubusercontent.com/ory/hydra/master/.schema/version.schema.json": _DIALECT,
    "https://raw.githubusercontent.com/ory/keto/master/.schema/version.schema.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/ory/kratos/master/.schema/version.schema.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/ory/oathkeeper/master/.schema/version.schema.json": _ELSEWHERE,
    "https://raw.githubusercontent.com/pmbot-io/config/master/pmbot.yml.schema.json": _NO_SCHEMA,
    "https://raw.githubusercontent.com/rancher/k3d/main/pkg/config/config.versions.schema.json": _DIALECT,
    "https://raw.githubusercontent.com/saucelabs/saucectl/main/api/v1alpha/generated/saucectl.schema.json": _ELSEWHERE,  # noqa: E501 - an address
    "https://schema.stackhead.io/stackhead/tag/v1/-/project-definition.schema.json": _ELSEWHERE,
    "https://www.graphql-code-generator.com/config.schema.json": _NO_SCHEMA,
}
