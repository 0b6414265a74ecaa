//! What a scenario says about learning.

use super::byzantine::spec::Byzantine;
use super::rules::Aggregator;
use crate::format::distribution::{Constant, Distribution, Exponential, Lognormal, Normal, Pareto, Uniform};
use crate::format::tagged::tagged;
use crate::format::units::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is learnt, from which data, and how long computing takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Learning {
    /// The data. Default: the handwritten digits that come with the program.
    pub dataset: Dataset,
    /// Who holds which rows. Default: `iid`.
    pub partitioning: Partitioning,
    /// The model. Default: `softmax`.
    pub model: ModelKind,
    /// Initial parameters; `averaging` has its own. Default: `random`.
    pub init: Init,
    /// Whether all nodes begin with the same model, where it is one with `init`. Default: `shared`; in the workflow `p2pfl`, whose nodes take the initiator's model before round 0, `per_node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<InitialModels>,
    /// Step size of gradient descent. Default 0.5.
    pub learning_rate: f64,
    /// Rows a gradient step, or `"full"`. Default 16.
    pub batch_size: BatchSize,
    /// Accuracy and loss are taken every so many rounds, and after the last. Default 1.
    pub evaluate_every: u32,
    /// How models are combined. Default: `fedavg`.
    pub aggregator: Aggregator,
    /// How long computing takes in scenario time.
    pub compute: Compute,
    /// Nodes that lie about what they have learnt. Default: none.
    #[serde(skip_serializing_if = "Byzantine::is_empty")]
    pub byzantine: Byzantine,
}

tagged! {
    /// Where rows come from.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Dataset by "kind" {
        /// 1,797 handwritten digits of 8 × 8 pixels in ten classes (UCI, Alpaydin and Kaynak 1998, CC BY 4.0).
        Digits(Digits) = "digits",
        /// Comma-separated files with a header line.
        Csv(Csv) = "csv",
    }
}

/// See [`Dataset::Digits`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {}

/// See [`Dataset::Csv`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// The file, relative to the scenario's folder, with commas, semicolons or tabs between its cells. Features are scaled to 0..1 by their smallest and greatest value in it.
    pub train: PathBuf,
    /// A second file to test on. Default: a fifth of `train`, drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The column that holds the class. All others are features and must be numbers. A column without a name, or called `Unnamed: 0`, that holds the numbers of the rows is left out, as pandas and R write one. Default: `label`.
    #[serde(default = "label")]
    pub label: String,
}

tagged! {
    /// Who holds which rows of the training data.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Partitioning by "kind" {
        /// Shuffled and cut into equal shares.
        Iid(Iid) = "iid" | "RandomIIDPartitionStrategy",
        /// Shares of each class drawn from a Dirichlet distribution (Hsu et al. 2019): the smaller alpha, the more skewed.
        Dirichlet(Dirichlet) = "dirichlet" | "DirichletPartitionStrategy",
        /// Each node holds rows of a few classes only, drawn so that every class has about as many holders; they share its rows equally.
        LabelSkew(LabelSkew) = "label_skew" | "LabelSkewedPartitionStrategy",
        /// Equal shares, each of a main class and a mix of all that is left.
        Percentage(Percentage) = "percentage" | "PercentageBasedNonIIDPartitionStrategy",
    }
}

/// See [`Partitioning::Iid`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Iid {}

/// See [`Partitioning::Dirichlet`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dirichlet {
    /// Concentration; greater than 0. Default 1.
    #[serde(default = "one")]
    pub alpha: f64,
}

/// See [`Partitioning::LabelSkew`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelSkew {
    /// Classes a node. Default 2.
    #[serde(default = "two")]
    pub classes_per_node: u32,
}

/// See [`Partitioning::Percentage`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Percentage {
    /// The share of a node's rows that are of its main class, in percent. Default 80.
    #[serde(default = "eighty")]
    pub percentage: f64,
}

tagged! {
    /// The model.
    #[derive(Clone, Debug, PartialEq)]
    pub enum ModelKind by "kind" {
        /// Multinomial logistic regression.
        Softmax(Softmax) = "softmax",
        /// Layers of rectified linear units, then softmax.
        Mlp(Mlp) = "mlp",
        /// A vector that is mixed and never trained: for studying how fast averaging brings nodes to their mean.
        Averaging(Averaging) = "averaging",
        /// A vector x and a point b for each node, whose loss is ½‖x − b‖²: for studying learning where its end is known. An epoch is one step x ← x − `learning_rate` · (x − b); the loss in results is that of all nodes together.
        Quadratic(Quadratic) = "quadratic",
        /// Learns nothing, only weighs: for studying the network alone.
        Synthetic(Synthetic) = "synthetic",
    }
}

/// See [`ModelKind::Softmax`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

/// See [`ModelKind::Mlp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Units of each hidden layer, at least one layer. Default `[32]`.
    #[serde(default = "hidden")]
    pub hidden: Vec<u32>,
}

/// See [`ModelKind::Averaging`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Averaging {
    /// Values of the vector, float64. Default 1.
    #[serde(default = "one_value")]
    pub dimension: u32,
    /// What nodes begin with. Default: `normal`.
    #[serde(default)]
    pub init: Start,
}

/// What nodes of the model `averaging` begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Every value is the node's number.
    Index,
    /// Every value is drawn from the standard normal distribution.
    #[default]
    Normal,
    /// All values are 0 but one, which is 1: that of the node's number, counted round.
    OneHot,
}

/// See [`ModelKind::Quadratic`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quadratic {
    /// Values of the vector, float64. Default 1.
    #[serde(default = "one_value")]
    pub dimension: u32,
    /// The nodes' points. Default: `normal`.
    #[serde(default)]
    pub targets: Targets,
}

/// The points of nodes in the model `quadratic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// Every value is the node's number.
    Index,
    /// Every value is drawn from the standard normal distribution.
    #[default]
    Normal,
}

/// See [`ModelKind::Synthetic`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// Bytes of float32 parameters, at least 4. Default 1 KiB.
    #[serde(default = "kibibyte")]
    pub size: Size,
}

impl ModelKind {
    /// Whether it puts rows into classes, so that it has an accuracy.
    pub const fn has_accuracy(&self) -> bool {
        matches!(self, Self::Softmax(_) | Self::Mlp(_))
    }

    /// Whether it has a loss.
    pub const fn has_loss(&self) -> bool {
        matches!(self, Self::Softmax(_) | Self::Mlp(_) | Self::Quadratic(_))
    }

    /// Whether it has parameters that can be compared, and does not only weigh.
    pub const fn has_parameters(&self) -> bool {
        !matches!(self, Self::Synthetic(_))
    }
}

/// Initial parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// All zero. Good for `softmax`; hidden units that are all alike never become different, so an `mlp` learns only its last biases.
    Zeros,
    /// Drawn from the seed: for `quadratic` from the standard normal distribution, for others uniform within ±√(6 / (inputs + outputs)) for each layer (Glorot and Bengio 2010); biases zero.
    #[default]
    Random,
}

/// Whether nodes begin with the same model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitialModels {
    /// All nodes begin with one model, as D-PSGD has it (Lian et al. 2017): the initiator's, or node 0's where there is no initiator.
    Shared,
    /// Each node draws its own, as P2PFL's peers do.
    PerNode,
}

/// Rows a gradient step: a number, or `"full"` for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchSize {
    /// So many rows.
    Rows(u32),
    /// All rows of the node.
    Full(Full),
}

/// The word `full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// All rows.
    Full,
}

/// How long computing takes in scenario time. Each is a duration, a distribution, drawn once for each node, or a trace of devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Compute {
    /// One epoch of training. Default 200 ms.
    pub train: JobTime,
    /// One evaluation. Default 20 ms.
    pub evaluate: JobTime,
    /// One aggregation. Default 5 ms.
    pub aggregate: JobTime,
}

tagged! {
    /// How long a job takes on a node. A bare duration such as `"20ms"` is a constant.
    #[derive(Clone, Debug, PartialEq)]
    pub enum JobTime by "kind" {
        /// Always the same.
        Constant(Constant) = "constant",
        /// Anything between two durations, equally likely.
        Uniform(Uniform) = "uniform",
        /// The normal distribution, cut off at zero.
        Normal(Normal) = "normal",
        /// The lognormal distribution, given by its median and the standard deviation of its logarithm.
        Lognormal(Lognormal) = "lognormal",
        /// The Pareto distribution: at least `scale`, with a tail of index `shape`.
        Pareto(Pareto) = "pareto",
        /// The exponential distribution.
        Exponential(Exponential) = "exponential",
        /// A column of a file with a row for each device. If there are as many rows as nodes, node i is the device of row i, counted from 0; otherwise each node draws a row, evenly. A node is the same device for all jobs whose traces are of one file.
        Trace(Trace) = "trace",
    }
    bare Span = |text| text.parse().map(|value| JobTime::Constant(Constant { value }))
}

/// See [`JobTime::Trace`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The file: comma-separated, with a header line. Relative to the scenario's folder.
    pub file: PathBuf,
    /// The column that says how long the job takes; numbers from 0.
    pub column: String,
    /// How long 1 in that column is: `"1ms"` for a column of milliseconds; for one of factors, the time of a device of factor 1. Default 1 s.
    #[serde(default = "second")]
    pub unit: Span,
}

impl From<Span> for JobTime {
    fn from(value: Span) -> Self {
        Self::Constant(Constant { value })
    }
}

impl JobTime {
    /// The distribution that it is drawn from, unless it comes from a trace.
    pub fn drawn(&self) -> Result<Distribution, &Trace> {
        Ok(match self {
            Self::Constant(it) => Distribution::Constant(it.clone()),
            Self::Uniform(it) => Distribution::Uniform(it.clone()),
            Self::Normal(it) => Distribution::Normal(it.clone()),
            Self::Lognormal(it) => Distribution::Lognormal(it.clone()),
            Self::Pareto(it) => Distribution::Pareto(it.clone()),
            Self::Exponential(it) => Distribution::Exponential(it.clone()),
            Self::Trace(it) => return Err(it),
        })
    }

    /// What is wrong with the parameters: the field, and what would be right.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        match self.drawn() {
            Ok(distribution) => distribution.fault(),
            Err(it) if it.file.as_os_str().is_empty() => {
                Some(("file", "is empty; it must name a file".into()))
            }
            Err(it) if it.column.is_empty() => Some(("column", "is empty; it must name a column".into())),
            Err(it) if it.unit.0.is_zero() => Some(("unit", "is zero; it must be longer".into())),
            Err(_) => None,
        }
    }
}

impl ModelKind {
    /// Whether `learning.init` and `learning.start` say what nodes begin with.
    pub const fn has_init(&self) -> bool {
        match self {
            Self::Softmax(_) | Self::Mlp(_) | Self::Quadratic(_) => true,
            Self::Averaging(_) | Self::Synthetic(_) => false,
        }
    }
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            dataset: Dataset::Digits(Digits {}),
            partitioning: Partitioning::Iid(Iid {}),
            model: ModelKind::Softmax(Softmax {}),
            init: Init::Random,
            start: None,
            learning_rate: 0.5,
            batch_size: BatchSize::Rows(16),
            evaluate_every: 1,
            aggregator: Aggregator::default(),
            compute: Compute::default(),
            byzantine: Byzantine::default(),
        }
    }
}

impl Default for Compute {
    fn default() -> Self {
        Self {
            train: Span::millis(200).into(),
            evaluate: Span::millis(20).into(),
            aggregate: Span::millis(5).into(),
        }
    }
}

fn label() -> String {
    "label".into()
}

fn one() -> f64 {
    1.0
}

fn one_value() -> u32 {
    1
}

fn second() -> Span {
    Span::secs(1)
}

fn two() -> u32 {
    2
}

fn eighty() -> f64 {
    80.0
}

fn hidden() -> Vec<u32> {
    vec![32]
}

fn kibibyte() -> Size {
    Size(1024)
}
