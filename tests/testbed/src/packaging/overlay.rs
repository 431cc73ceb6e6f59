//! The difference between two objects as a JSON patch (RFC 6902), for kustomize.

use serde_json::{Value, json};

/// Operations that turn `from` into `to`.
pub(super) fn operations(from: &Value, to: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    compare("", from, to, &mut operations);
    operations
}

fn compare(path: &str, from: &Value, to: &Value, operations: &mut Vec<Value>) {
    match (from, to) {
        _ if from == to => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let path = child(path, key);
                match new.get(key) {
                    Some(other) => compare(&path, value, other, operations),
                    None => operations.push(json!({ "op": "remove", "path": path })),
                }
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                operations.push(json!({ "op": "add", "path": child(path, key), "value": value }));
            }
        }
        // Lists that only grew, and lists of objects with as many of them as before; others are replaced as a whole.
        (Value::Array(old), Value::Array(new)) if new.starts_with(old) => {
            let end = format!("{path}/-");
            operations.extend(
                new.iter().skip(old.len()).map(|value| json!({ "op": "add", "path": end, "value": value })),
            );
        }
        (Value::Array(old), Value::Array(new))
            if old.len() == new.len() && old.iter().chain(new).all(Value::is_object) =>
        {
            for (index, (from, to)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}/{index}"), from, to, operations);
            }
        }
        _ => operations.push(json!({ "op": "replace", "path": path, "value": to })),
    }
}

fn child(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_difference_has_its_operation() {
        let from = json!({ "a": 1, "b/c": { "d": 1 }, "gone": 1, "grows": [1], "list": [{ "x": 1 }], "other": [1, 2] });
        let to = json!({ "a": 1, "b/c": { "d": 2 }, "new": 1, "grows": [1, 2], "list": [{ "x": 2 }], "other": [2] });
        let mut operations = operations(&from, &to);
        operations.sort_by_key(|operation| operation["path"].to_string());
        assert_eq!(
            operations,
            [
                json!({ "op": "replace", "path": "/b~1c/d", "value": 2 }),
                json!({ "op": "remove", "path": "/gone" }),
                json!({ "op": "add", "path": "/grows/-", "value": 2 }),
                json!({ "op": "replace", "path": "/list/0/x", "value": 2 }),
                json!({ "op": "add", "path": "/new", "value": 1 }),
                json!({ "op": "replace", "path": "/other", "value": [2] }),
            ]
        );
    }
}
