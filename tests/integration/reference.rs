//! `docs/reference.md` is made from the CRDs: `make reference` writes it, and this test fails when it differs.

use std::fmt::Write;

use aicore_registry_operator::api;
use serde_json::Value;

const INTRODUCTION: &str = "# Reference of AICoreRegistrySecret

This page is made from the CRDs by `make reference`. `kubectl explain aicrs.spec` and `kubectl explain aictenant.spec` show the same.
AICoreTenant is [below](#reference-of-aicoretenant).

";

#[test]
fn the_reference_is_what_the_crd_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");
    let resource = render(INTRODUCTION, &serde_json::to_value(api::crd()).unwrap());
    let tenant =
        render("\n# Reference of AICoreTenant\n\n", &serde_json::to_value(api::tenant_crd()).unwrap());
    let rendered = format!("{resource}{tenant}");
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        std::fs::write(path, &rendered).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), rendered, "run `make reference`");
}

fn render(introduction: &str, crd: &Value) -> String {
    let names = &crd["spec"]["names"];
    let version = &crd["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut page = introduction.to_owned();
    writeln!(page, "{}\n", schema["description"].as_str().unwrap()).unwrap();
    writeln!(page, "| | |\n|---|---|").unwrap();
    writeln!(
        page,
        "| apiVersion | `{}/{}` |",
        crd["spec"]["group"].as_str().unwrap(),
        version["name"].as_str().unwrap()
    )
    .unwrap();
    writeln!(page, "| kind | `{}` |", names["kind"].as_str().unwrap()).unwrap();
    writeln!(
        page,
        "| short name, category | `{}`, `{}` |",
        names["shortNames"][0].as_str().unwrap(),
        names["categories"][0].as_str().unwrap()
    )
    .unwrap();
    writeln!(page, "| scope | {} |", crd["spec"]["scope"].as_str().unwrap()).unwrap();
    for part in ["spec", "status"] {
        writeln!(page, "\n## {part}\n\n| field | type | meaning |\n|---|---|---|").unwrap();
        fields(&mut page, "", &schema["properties"][part]);
    }
    writeln!(page, "\n## Rules\n\nThe API server refuses objects that break one of these.\n").unwrap();
    rules(&mut page, "", schema);
    page
}

fn fields(page: &mut String, prefix: &str, schema: &Value) {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let mark = if required.contains(&name.as_str()) && !prefix.contains("conditions") {
            " (required)"
        } else {
            ""
        };
        writeln!(
            page,
            "| `{path}`{mark} | {} | {} |",
            type_of(field),
            cell(field["description"].as_str().unwrap_or_default())
        )
        .unwrap();
        fields(page, &format!("{path}."), field);
        fields(page, &format!("{path}[]."), &field["items"]);
    }
}

fn type_of(field: &Value) -> String {
    if let Some(values) = field["enum"].as_array() {
        return values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    match (field["type"].as_str().unwrap_or("any"), field["format"].as_str()) {
        ("array", _) => format!("list of {}", type_of(&field["items"])),
        (_, Some("date-time")) => "time".to_owned(),
        (type_, _) => type_.to_owned(),
    }
}

fn rules(page: &mut String, path: &str, schema: &Value) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        writeln!(page, "- {place}{}", rule["message"].as_str().unwrap()).unwrap();
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        rules(page, format!("{path}.{name}").trim_start_matches('.'), field);
    }
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
