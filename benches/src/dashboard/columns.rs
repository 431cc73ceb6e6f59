//! Columns of a table, by the panel's transformations and overrides.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::{
    colours,
    model::{Override, Panel},
    table::Cell,
    unit::Unit,
};

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Name of the field.
    pub(super) field: String,
    /// Its heading.
    pub(super) title: String,
    /// Its width, if that is given.
    pub(super) width: Option<f64>,
    unit: Unit,
    mappings: Vec<Value>,
    coloured: bool,
}

/// Columns for these fields, in their order.
pub(super) fn of<'a>(panel: &Panel, fields: impl Iterator<Item = &'a String>) -> anyhow::Result<Vec<Column>> {
    let mut fields: Vec<&String> = fields.collect::<BTreeSet<_>>().into_iter().collect();
    let mut titles = &Value::Null;
    for transformation in &panel.transformations {
        let options = &transformation.options;
        match transformation.id.as_str() {
            // Rows are made so.
            "merge" => {}
            "organize" => {
                fields
                    .retain(|field| !options["excludeByName"][field.as_str()].as_bool().unwrap_or_default());
                fields
                    .sort_by_key(|field| options["indexByName"][field.as_str()].as_u64().unwrap_or(u64::MAX));
                titles = &options["renameByName"];
            }
            other => bail!("{:?}: the transformation {other:?} cannot be drawn yet", panel.title),
        }
    }
    let mut columns = Vec::new();
    for field in fields {
        let mut column = Column {
            field: field.clone(),
            title: titles[field.as_str()].as_str().unwrap_or(field).to_owned(),
            width: None,
            unit: Unit::of(&panel.field_config.defaults.unit)?,
            mappings: Vec::new(),
            coloured: false,
        };
        for change in &panel.field_config.overrides {
            column.apply(change)?;
        }
        columns.push(column);
    }
    Ok(columns)
}

impl Column {
    fn apply(&mut self, change: &Override) -> anyhow::Result<()> {
        ensure!(change.matcher.id == "byName", "overrides {:?} cannot be drawn yet", change.matcher.id);
        if change.matcher.options.as_str() != Some(&self.title) {
            return Ok(());
        }
        for property in &change.properties {
            match property.id.as_str() {
                "mappings" => self.mappings = property.value.as_array().cloned().unwrap_or_default(),
                "custom.cellOptions" => self.coloured = property.value["type"] == "color-text",
                "custom.width" => self.width = property.value.as_f64(),
                "unit" => self.unit = Unit::of(property.value.as_str().unwrap_or_default())?,
                other => bail!("the property {other:?} cannot be drawn yet"),
            }
        }
        Ok(())
    }

    /// Text and colour of a cell.
    pub(super) fn show(&self, cell: &Cell) -> anyhow::Result<(String, &'static str)> {
        let value = match cell {
            Cell::Text(text) => return Ok((text.clone(), colours::TEXT)),
            Cell::Number(value) => *value,
        };
        let key = Unit::Plain.show(value);
        for mapping in &self.mappings {
            ensure!(mapping["type"] == "value", "the mapping {mapping} cannot be drawn yet");
            let found = &mapping["options"][&key];
            if found.is_object() {
                let text = found["text"].as_str().context("a mapping has no text")?.to_owned();
                let colour = found["color"].as_str().filter(|_| self.coloured);
                return Ok((text, colour.map_or(Ok(colours::TEXT), colours::named)?));
            }
        }
        Ok((self.unit.show(value), colours::TEXT))
    }
}
