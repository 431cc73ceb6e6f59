//! The `CustomResourceDefinition`, completed with what the derive macros cannot say.

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, ValidationRule,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::CustomResourceExt;

use super::{AICoreRegistrySecret, AICoreTenant, UNOBSERVED_GENERATION, sizes};

/// The name that AI Core sees must not change: renaming means creating one secret and leaving another behind.
const IMMUTABLE_NAME: &str = "(has(self.spec.remoteName) ? self.spec.remoteName : self.metadata.name) == \
     (has(oldSelf.spec.remoteName) ? oldSelf.spec.remoteName : oldSelf.metadata.name)";

/// Without `remoteName`, `metadata.name` is sent to AI Core, which accepts fewer names than Kubernetes.
const USABLE_NAME: &str = "has(self.spec.remoteName) || (size(self.metadata.name) <= 63 && \
     self.metadata.name.matches('^[a-z0-9](?:_?[a-z0-9.-]+)*[a-z0-9]$'))";

/// The complete CRD of AICoreRegistrySecret, as `aicore-registry-operator crd` prints it and `crds/` holds it.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    complete(AICoreRegistrySecret::crd(), &name_rules())
}

/// The complete CRD of AICoreTenant, as `aicore-registry-operator crd` prints it and `crds/` holds it.
#[must_use]
pub fn tenant_crd() -> CustomResourceDefinition {
    complete(AICoreTenant::crd(), &[])
}

/// `rules` are those of the whole object.
fn complete(mut crd: CustomResourceDefinition, rules: &[ValidationRule]) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            if !rules.is_empty() {
                root.x_kubernetes_validations.get_or_insert_default().extend_from_slice(rules);
            }
            if let Some(status) = root.properties.as_mut().and_then(|properties| properties.get_mut("status"))
            {
                default_status(status);
                bound_conditions(status);
            }
            for_each(root, &mut forbid_null);
            for_each(root, &mut unwrap_description);
        }
    }
    crd.metadata = ObjectMeta { name: crd.metadata.name, ..ObjectMeta::default() };
    crd
}

fn name_rules() -> [ValidationRule; 2] {
    [
        ValidationRule {
            rule: USABLE_NAME.to_owned(),
            message: Some(
                "metadata.name is not a name that AI Core accepts (2 to 63 characters: lower-case letters, digits, '.' \
                 and '-', with a letter or a digit at both ends); set spec.remoteName to the name that the secret \
                 shall have in AI Core"
                    .to_owned(),
            ),
            ..ValidationRule::default()
        },
        ValidationRule {
            rule: IMMUTABLE_NAME.to_owned(),
            message: Some(
                "the remote name (spec.remoteName, or metadata.name without it) is immutable, because AI Core cannot \
                 rename a secret; create another AICoreRegistrySecret for the other name"
                    .to_owned(),
            ),
            ..ValidationRule::default()
        },
    ]
}

/// The schema, and all that are in it.
fn for_each(schema: &mut JSONSchemaProps, change: &mut impl FnMut(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        for_each(property, change);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        for_each(items, change);
    }
}

/// Without `nullable`, the API server takes a null for an absent field, as writers of manifests mean it; with it, the null
/// would be kept, and a rule's `has()` would see a value.
fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
}

/// Doc comments break their lines where the source is full. `kubectl explain` wraps a paragraph where the terminal is, if it
/// is one line.
fn unwrap_description(schema: &mut JSONSchemaProps) {
    if let Some(description) = &mut schema.description {
        let paragraphs = description.split("\n\n");
        let paragraphs: Vec<String> = paragraphs.map(|lines| lines.replace('\n', " ")).collect();
        *description = paragraphs.join("\n\n");
    }
}

/// A default is the only way to give an object a status before a controller has seen it.
fn default_status(status: &mut JSONSchemaProps) {
    status.default = Some(JSON(serde_json::json!({ "observedGeneration": UNOBSERVED_GENERATION })));
}

/// The bounds that Kubernetes itself has for conditions; the Rust type lacks them.
fn bound_conditions(status: &mut JSONSchemaProps) {
    let conditions = status.properties.as_mut().and_then(|properties| properties.get_mut("conditions"));
    let Some(JSONSchemaPropsOrArray::Schema(condition)) = conditions.and_then(|list| list.items.as_mut())
    else {
        return;
    };
    for (field, characters) in
        [("message", sizes::MESSAGE), ("reason", sizes::REASON), ("type", sizes::CONDITION_TYPE)]
    {
        if let Some(field) = condition.properties.as_mut().and_then(|fields| fields.get_mut(field)) {
            field.max_length = i64::try_from(characters).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_of_a_description_is_one_line() {
        let mut schema = JSONSchemaProps {
            description: Some("One\nsentence.\n\nAnother\none.".to_owned()),
            ..JSONSchemaProps::default()
        };
        unwrap_description(&mut schema);
        assert_eq!(schema.description.unwrap(), "One sentence.\n\nAnother one.");
    }

    #[test]
    fn no_description_has_the_line_breaks_of_the_source() {
        let mut descriptions = Vec::new();
        for version in crd().spec.versions.iter_mut().chain(&mut tenant_crd().spec.versions) {
            let root = version.schema.as_mut().unwrap().open_api_v3_schema.as_mut().unwrap();
            for_each(root, &mut |schema| descriptions.extend(schema.description.clone()));
        }
        assert!(descriptions.len() > 45, "{} descriptions", descriptions.len());
        for description in descriptions {
            assert!(!description.replace("\n\n", "").contains('\n'), "{description}");
        }
    }
}
