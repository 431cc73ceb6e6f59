//! What is drawn of a dashboard's JSON, as Grafana writes it. The drawing code says what it does not know.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// A dashboard.
#[derive(Clone, Debug, Deserialize)]
pub struct Dashboard {
    /// Its name.
    pub title: String,
    /// Its panels and headings.
    pub panels: Vec<Panel>,
}

/// A panel, or the heading of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    /// Unlike that of any other panel.
    pub id: u64,
    /// How its values are shown.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it shows.
    #[serde(default)]
    pub title: String,
    /// Its place.
    pub grid_pos: GridPos,
    /// Its queries.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// How fields look.
    #[serde(default)]
    pub field_config: FieldConfig,
    /// Settings of its type.
    #[serde(default)]
    pub options: PanelOptions,
    /// What is done to the answers before they are shown.
    #[serde(default)]
    pub transformations: Vec<Transformation>,
}

/// A place in a grid of 24 columns.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct GridPos {
    /// First column.
    pub x: u16,
    /// First row.
    pub y: u16,
    /// Columns.
    pub w: u16,
    /// Rows.
    pub h: u16,
}

/// A query.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The expression, with Grafana's variables.
    pub expr: String,
    /// How its series are named: text with `{{label}}`.
    #[serde(default)]
    pub legend_format: String,
    /// Tells it from the panel's other queries.
    pub ref_id: String,
    /// Only the end of the shown time is asked for.
    #[serde(default)]
    pub instant: bool,
}

/// How fields look.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FieldConfig {
    /// All fields.
    #[serde(default)]
    pub defaults: Defaults,
    /// Some fields.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

/// How all fields of a panel look.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Defaults {
    /// Grafana's name of the unit.
    pub unit: String,
    /// Where the axis begins.
    pub min: Option<f64>,
    /// Where it ends.
    pub max: Option<f64>,
    /// The colour, if it does not follow from the value.
    pub color: Option<Colour>,
    /// Colours by value.
    pub thresholds: Option<Thresholds>,
    /// What stands for no value.
    pub no_value: Option<String>,
    /// Lines and points of graphs.
    pub custom: Lines,
}

impl Defaults {
    /// What stands for no value.
    #[must_use]
    pub fn no_value(&self) -> &str {
        self.no_value.as_deref().unwrap_or("No data")
    }
}

/// A colour that does not follow from the value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Colour {
    /// `fixed`, or another mode, which is ignored.
    pub mode: String,
    /// The colour's name.
    pub fixed_color: String,
}

/// Colours by value.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Thresholds {
    /// From the lowest to the highest.
    pub steps: Vec<Threshold>,
}

/// The colour from a value on.
#[derive(Clone, Debug, Deserialize)]
pub struct Threshold {
    /// The colour's name.
    pub color: String,
    /// The value; `None` for the first.
    pub value: Option<f64>,
}

/// Lines and points of graphs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lines {
    /// Percent of the line's colour below it.
    pub fill_opacity: f64,
    /// `points`, or a line.
    pub draw_style: String,
    /// Of a point.
    pub point_size: f64,
    /// `stepAfter`, or straight.
    pub line_interpolation: String,
    /// How series lie on each other.
    pub stacking: Stacking,
}

/// How series lie on each other.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stacking {
    /// `normal`, or not at all.
    pub mode: String,
}

/// How some fields look.
#[derive(Clone, Debug, Deserialize)]
pub struct Override {
    /// Which fields.
    pub matcher: Matcher,
    /// What is changed.
    pub properties: Vec<Property>,
}

/// Which fields.
#[derive(Clone, Debug, Deserialize)]
pub struct Matcher {
    /// Kind of choice, such as `byName`.
    pub id: String,
    /// The name.
    #[serde(default)]
    pub options: Value,
}

/// What is changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Property {
    /// Name of the setting.
    pub id: String,
    /// Its value.
    #[serde(default)]
    pub value: Value,
}

/// Settings of a panel's type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PanelOptions {
    /// Where a stat has its colour: `value` or `background`.
    pub color_mode: String,
    /// What a stat shows: `name`, or the value.
    pub text_mode: String,
    /// By which columns a table is sorted.
    pub sort_by: Vec<SortBy>,
}

/// A column to sort by.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SortBy {
    /// Its heading.
    pub display_name: String,
    /// Whether the largest comes first.
    #[serde(default)]
    pub desc: bool,
}

/// What is done to the answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Transformation {
    /// Its name.
    pub id: String,
    /// Its settings.
    #[serde(default)]
    pub options: Value,
}

impl Dashboard {
    /// Reads a dashboard's JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(json: &str) -> anyhow::Result<Self> {
        serde_json::from_str(json).context("this is no dashboard")
    }
}
