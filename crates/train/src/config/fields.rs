//! The table of fields: one row has everything that help, checks, files and `docs/configuration.md`
//! need.
//!
//! To add a field, add its member to the struct it belongs to and its row here. A field of one kind
//! of network, schedule or optimiser names that kind with [`Field::of`]. A field that older files
//! lack gives the value that they imply with [`Field::since`].

use std::ops::Bound::{Excluded, Included};

use modiste_data::Augmentation;
use modiste_spec::engine::Optimiser;
use modiste_spec::{
    Architecture, Cnn, DropoutPlace, InceptionResNet, Mlp, Range, Residual, WideResNet,
};

use crate::Schedule;

/// One field of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Dotted path, as in `training.batch`.
    pub path: &'static str,
    /// The flag without its dashes; `None` if it is the last part of the path with dashes.
    renamed: Option<&'static str>,
    /// The value in the default configuration, or the default of a kind.
    default: &'static str,
    /// Kinds with another default, and that default.
    defaults_of: &'static [(&'static str, &'static str)],
    /// The values that it takes.
    pub range: Range,
    /// One line about it.
    pub doc: &'static str,
    /// The kinds that have this field; empty if it does not depend on a kind.
    pub kinds: &'static [&'static str],
    /// Whether this field decides which other fields its table has.
    pub is_kind: bool,
    /// The value that files without the field imply; `None` if files must have it.
    pub absent: Option<&'static str>,
}

const fn field(
    path: &'static str,
    default: &'static str,
    range: Range,
    doc: &'static str,
) -> Field {
    Field {
        path,
        renamed: None,
        default,
        defaults_of: &[],
        range,
        doc,
        kinds: &[],
        is_kind: false,
        absent: None,
    }
}

impl Field {
    /// Restricts the field to these kinds of its table.
    const fn of(self, kinds: &'static [&'static str]) -> Self {
        Self { kinds, ..self }
    }

    /// Makes this the field that decides which other fields its table has.
    const fn kind(self) -> Self {
        Self { is_kind: true, ..self }
    }

    /// Marks a field that files of earlier versions lack, implying `value`. It is written only if it has
    /// another value, so those files stay the same, byte for byte.
    const fn since(self, value: &'static str) -> Self {
        Self { absent: Some(value), ..self }
    }

    /// Gives the field a flag that is not named after the last part of its path.
    const fn flag(self, name: &'static str) -> Self {
        Self { renamed: Some(name), ..self }
    }

    /// Sets other defaults for some kinds.
    const fn but(self, defaults_of: &'static [(&'static str, &'static str)]) -> Self {
        Self { defaults_of, ..self }
    }
}

const ALL_NETWORKS: &[&str] = &Architecture::KINDS;
const PAPER: &[&str] = &["inception_resnet"];
const RESIDUAL: &[&str] = &["residual"];
const WIDE: &[&str] = &["wide_resnet"];
const CNN: &[&str] = &["cnn"];
const MLP: &[&str] = &["mlp"];
const PLATEAU: &[&str] = &["plateau"];
const ONE_CYCLE: &[&str] = &["one_cycle"];
const ADAM: &[&str] = &["adam"];
const SGD: &[&str] = &["sgd"];
const MUON: &[&str] = &["muon"];
const MOMENTUM: &[&str] = &["sgd", "muon"];

/// All fields of all configurations, in the order of the file. Presets start from the defaults.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("data.source", "embedded", Range::Text("embedded or a path"),
        "Where images come from: the embedded ones, or a folder or file").flag("data"),
    field("data.split", "full",
        Range::Text("auto, full, official, paper, counts such as 5000/1000/1000, shares such as 0.8/0.1/0.1, or a fold such as paper:fold=1/5"),
        "How images are divided into training, validation and test set"),
    field("data.split_seed", "0", Range::WHOLE,
        "Seed that draws a split by counts or shares, and folds"),
    field("data.image_size", "auto", Range::Text("auto, N or HxW"),
        "Height and width of every image; auto uses the pictures' common size, or one that suits them").since("auto"),
    field("data.fit", "pad", Range::OneOf(&["pad", "crop", "stretch"]),
        "How a picture of another shape is fitted: padded, cropped or stretched").since("pad"),
    field("data.ground", "auto", Range::OneOf(&["auto", "white", "black"]),
        "Background of transparent pictures; auto is white, or black behind white pictures").since("auto"),
    field("data.strict", "false", Range::Switch,
        "Refuse data with files that cannot be used, instead of passing over them").since("false"),
    field("data.picture_column", "", Range::Text("the name of a column, or empty to detect it"),
        "Column that names the pictures in a table of labels").since(""),
    field("data.label_column", "", Range::Text("the name of a column, or empty to detect it"),
        "Column of the classes in a table").since(""),
    field("data.exclude", "", Range::Text("the path of a list, or empty"),
        "CSV file of images to leave out of training and validation, as data check writes it").since(""),

    field("network.architecture", "residual", Range::OneOf(&Architecture::KINDS),
        "Kind of network; inception_resnet is the paper's").kind().since("inception_resnet"),
    field("network.length", "2", InceptionResNet::LENGTH,
        "L, the number of Inception-ResNet blocks").of(PAPER),
    field("network.width", "3", InceptionResNet::WIDTH,
        "W, the number of branches of a block").of(PAPER),
    field("network.depth", "16", WideResNet::DEPTH,
        "Number of consecutive convolutions plus the dense layer: 4 more than a multiple of 6").of(WIDE),
    field("network.widening", "2", WideResNet::WIDENING,
        "Factor of the 16, 32 and 64 channels of the three stages").of(WIDE),
    field("network.widths", "16,48,96", Residual::WIDTHS,
        "Channels of each stage").of(RESIDUAL),
    field("network.channels", "64", Cnn::CHANNELS,
        "Channels of the first stage; each further stage has twice as many").of(CNN),
    field("network.stages", "3", Cnn::STAGES,
        "Number of stages of two convolutions, with pooling between stages").of(CNN),
    field("network.units", "512", Mlp::UNITS,
        "Units of each hidden layer").of(MLP),
    field("network.layers", "2", Mlp::LAYERS,
        "Number of hidden layers").of(MLP),
    field("network.dropout", "0.3", Range::RATE,
        "D, the dropout rate").of(ALL_NETWORKS).but(&[("residual", "0"), ("wide_resnet", "0")]),
    field("network.dropout_places", "reduction,dense", Range::AnyOf(&DropoutPlace::NAMES),
        "Where dropout is applied: after these blocks, and before the dense layer").of(PAPER),
    field("network.stem_stride", "2", InceptionResNet::STEM_STRIDE,
        "Stride of the first convolution: 1 in the paper; 2 needs a quarter of the arithmetic").of(PAPER),
    field("network.residual", "true", Range::Switch,
        "Whether a block adds its input to its output").of(PAPER),
    field("network.residual_scale", "0.2", Range::FINITE,
        "Factor of a block's output before its input is added").of(PAPER),

    field("training.epochs", "12", Range::COUNT,
        "Passes over the training images"),
    field("training.batch", "128", Range::COUNT,
        "Images in each step"),
    field("training.from", "", Range::Text("a model file or a run folder"),
        "Trained model to start from; uses its network unless another is given, and matches classes by name").since(""),
    field("training.freeze", "0", Range::WHOLE,
        "Number of leading blocks of that model whose parameters stay fixed").since("0"),
    field("training.teacher", "", Range::Text("model files, run folders or presets, separated by commas"),
        "Trained models whose mean answers to the augmented images are the targets (distillation)").since(""),
    field("training.teacher_weight", "1", Range::PROBABILITY,
        "Weight of the teachers' answers in the targets; the rest is that of the labels").since("1"),
    field("training.seed", "0", Range::WHOLE,
        "Seed of initial values, image order, augmentation and dropout masks"),
    field("training.label_smoothing", "0.1", Range::RATE,
        "Probability mass moved from the true class to all classes evenly"),
    field("training.class_weights", "none", Range::WordOrNumbers(&["none", "balanced"]),
        "Weight of each class in the loss: equal, inverse to its frequency, or given, as in 1,2,1"),
    field("training.select_by", "accuracy", Range::OneOf(&["accuracy", "loss"]),
        "Validation metric that chooses the best epoch"),
    field("training.average", "0", Range::RATE,
        "Decay of the averaged weights, which are then evaluated and become the model; 0 for none")
        .since("0"),
    field("training.checkpoint_minutes", "10", Range::NOT_NEGATIVE,
        "Minutes between checkpoints within an epoch; 0 writes none"),

    field("training.augmentation.flip", "false", Range::Switch,
        "Mirror each image with probability 1/2"),
    field("training.augmentation.alternating_flip", "true", Range::Switch,
        "Mirror each image in every other epoch"),
    field("training.augmentation.shift", "1", Range::WHOLE,
        "Move each image by up to this many pixels"),
    field("training.augmentation.shift_edge", "false", Range::Switch,
        "Fill what a shift, turn, zoom or shear uncovers with the edge's pixels instead of black"),
    field("training.augmentation.cutout", "0", Range::WHOLE,
        "Side in pixels of a square that is blackened; 0 for none"),
    field("training.augmentation.erase", "0", Range::PROBABILITY,
        "Probability that a rectangle is filled with noise"),
    field("training.augmentation.turn", "0.0", Augmentation::TURN,
        "Turn each image by up to this many degrees either way").since("0.0"),
    field("training.augmentation.zoom", "0.0", Range::PROBABILITY,
        "Enlarge or shrink each image by up to this share").since("0.0"),
    field("training.augmentation.shear", "0.0", Augmentation::SHEAR,
        "Slant vertical lines by up to this many degrees either way").since("0.0"),
    field("training.augmentation.brightness", "0.0", Range::PROBABILITY,
        "Make each image brighter or darker by up to this share").since("0.0"),
    field("training.augmentation.contrast", "0.0", Range::PROBABILITY,
        "Raise or lower the contrast by up to this share").since("0.0"),
    field("training.augmentation.colour", "0.0", Range::PROBABILITY,
        "Raise or lower the saturation of colours by up to this share").since("0.0"),
    field("training.augmentation.cutmix", "0", Range::PROBABILITY,
        "Probability that a rectangle of another image is pasted in, sharing the class in proportion")
        .since("0"),
    field("training.augmentation.mixup", "0", Range::Number(Included(0.0), Included(4.0)),
        "Blend every image without CutMix with a second one, in shares from Beta(this, this); 0 for none")
        .since("0"),

    field("training.schedule.kind", "cosine", Range::OneOf(&Schedule::KINDS),
        "How the learning rate changes").kind().flag("schedule"),
    field("training.schedule.learning_rate", "0.001", Range::POSITIVE,
        "Learning rate: the peak for cosine and one_cycle, the initial one for others")
        .of(&Schedule::KINDS).but(&[("one_cycle", "0.008")]).flag("lr"),
    field("training.schedule.factor", "0.1", Range::Number(Excluded(0.0), Excluded(1.0)),
        "Factor by which a reduction multiplies the learning rate").of(PLATEAU),
    field("training.schedule.patience", "10", Range::WHOLE,
        "Epochs without improvement before a reduction").of(PLATEAU),
    field("training.schedule.threshold", "0.0001", Range::RATE,
        "Relative decrease of the loss that counts as an improvement").of(PLATEAU),
    field("training.schedule.cooldown", "0", Range::WHOLE,
        "Epochs after a reduction that are not counted").of(PLATEAU),
    field("training.schedule.warmup_epochs", "0", Range::NOT_NEGATIVE,
        "Epochs of linear warm-up").of(&["cosine"]),
    field("training.schedule.floor", "0", Range::NOT_NEGATIVE,
        "Lowest learning rate").of(&["plateau", "cosine"]),
    field("training.schedule.warmup_fraction", "0.3", Range::RATE,
        "Share of all steps during which the learning rate rises").of(ONE_CYCLE),
    field("training.schedule.start_divisor", "25", Range::POSITIVE,
        "Largest learning rate divided by the first").of(ONE_CYCLE),
    field("training.schedule.end_divisor", "10000", Range::POSITIVE,
        "First learning rate divided by the last").of(ONE_CYCLE),

    field("training.optimiser.kind", "sgd", Range::OneOf(&Optimiser::KINDS),
        "How the gradient moves the weights: adam (AdamW), sgd with momentum, or muon")
        .kind().since("adam").flag("optimiser"),
    field("training.optimiser.beta1", "0.9", Range::RATE,
        "Adam's decay of the first moment").of(ADAM),
    field("training.optimiser.beta2", "0.999", Range::RATE,
        "Adam's decay of the second moment").of(ADAM),
    field("training.optimiser.epsilon", "0.00000001", Range::POSITIVE,
        "Added to the square root of the second moment").of(ADAM).flag("adam-epsilon"),
    field("training.optimiser.momentum", "0.9", Range::RATE,
        "Decay of the velocity").of(MOMENTUM),
    field("training.optimiser.nesterov", "true", Range::Switch,
        "Look ahead along the velocity (Nesterov's momentum)").of(MOMENTUM),
    field("training.optimiser.matrix_rate", "0.2", Range::POSITIVE,
        "Muon's learning rate for all weights except the last layer's, as a factor of the learning rate")
        .of(MUON),
    field("training.optimiser.weight_decay", "0.02", Range::NOT_NEGATIVE,
        "Weight decay; for adam, decoupled from the gradient (AdamW)")
        .of(&Optimiser::KINDS).but(&[("sgd", "0.0005"), ("muon", "0.15")]),
    field("training.optimiser.decoupled", "false", Range::Switch,
        "Decay the weights themselves (SGDW) instead of adding the decay to the gradient")
        .of(SGD),

    field("training.early_stopping.patience", "0", Range::WHOLE,
        "Epochs without improvement before training stops; 0 never stops early")
        .flag("early-stopping"),
    field("training.early_stopping.min_delta", "0", Range::NOT_NEGATIVE,
        "Smallest change of the metric that counts as an improvement")
        .flag("early-stopping-delta"),
];

/// The titles of groups of fields, by prefix of the path; the first match counts.
const GROUPS: [(&str, &str); 7] = [
    ("data.", "Data"),
    ("network.", "Network"),
    ("training.augmentation.", "Augmentation of training images"),
    ("training.schedule.", "Learning rate"),
    ("training.optimiser.", "Optimiser"),
    ("training.early_stopping.", "Early stopping"),
    ("training.", "Training"),
];

impl Field {
    /// The flag of the field, without the dashes.
    pub fn flag_name(&self) -> String {
        self.renamed.map_or_else(|| self.key().replace('_', "-"), str::to_owned)
    }

    /// The title of the field's group.
    pub fn group(&self) -> &'static str {
        let group = GROUPS.iter().find(|(prefix, _)| self.path.starts_with(prefix));
        group.map_or("Other", |(_, title)| title)
    }

    /// The path of the field's table, and its name there.
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').expect("every field has a table")
    }

    /// The field's name in its table.
    pub fn key(&self) -> &'static str {
        self.parts().1
    }

    /// The field that decides which others this field's table has, if there is one.
    pub(super) fn kind_field(&self) -> Option<&'static Field> {
        let table = self.parts().0;
        FIELDS.iter().find(|field| field.is_kind && field.parts().0 == table)
    }

    /// Whether a table of this kind has the field.
    pub(super) fn belongs_to(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether tables of all kinds have the field.
    pub fn of_every_kind(&self) -> bool {
        let kinds = self.kind_field().map(|kind| kind.range);
        self.kinds.is_empty() || kinds == Some(Range::OneOf(self.kinds))
    }

    /// The default of the field in a table of this kind.
    pub(super) fn default_of(&self, kind: &str) -> &'static str {
        let other = self.defaults_of.iter().find(|(of, _)| *of == kind);
        other.map_or(self.default, |(_, value)| value)
    }

    /// The default, and the differing defaults of single kinds, as text.
    pub fn defaults(&self) -> String {
        let one = if self.default.is_empty() { "empty" } else { self.default };
        let others = self.defaults_of.iter().map(|(kind, value)| format!(", {value} for {kind}"));
        one.to_owned() + &others.collect::<String>()
    }

    /// The noun for the kinds of the field's table: `architecture`, `schedule`.
    pub(super) fn noun(&self) -> &'static str {
        match self.parts() {
            (table, "kind") => table.rsplit('.').next().unwrap_or(table),
            (_, noun) => noun,
        }
    }
}
