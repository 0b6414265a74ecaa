//! What models from outside have to look like. How their bytes are read is in `unpickle`.

use crate::learning::Layout;
use std::sync::{Arc, OnceLock};

/// The layout that models must have, and how large they may become when they are decompressed.
#[derive(Debug)]
pub struct Expected {
    layout: OnceLock<Arc<Layout>>,
    synthetic: bool,
    max_bytes: u64,
}

/// What a P2PFL peer takes at most: 1 GiB a message.
pub const MAX_MODEL: u64 = 1 << 30;

impl Expected {
    /// Models of this layout.
    pub fn layout(layout: Arc<Layout>) -> Self {
        Self { layout: OnceLock::from(layout), ..Self::any() }
    }

    /// Synthetic models of this layout: what arrives is checked for its shapes, and its values are dropped.
    pub fn synthetic(layout: Arc<Layout>) -> Self {
        Self { synthetic: true, ..Self::layout(layout) }
    }

    /// Any models, as long as they are all alike: the first that is read pins the layout.
    pub fn any() -> Self {
        Self { layout: OnceLock::new(), synthetic: false, max_bytes: MAX_MODEL }
    }

    /// The same for models of so many bytes at most, once they are decompressed. The transport's largest message is
    /// a good limit.
    pub fn up_to(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// The layout that models must have, once it is known.
    pub fn known(&self) -> Option<&Arc<Layout>> {
        self.layout.get()
    }

    /// Bytes of a model as it is sent, at most, once its layout is known: little more than its values, or as much again a few
    /// times, as aggregators put arrays beside them.
    pub fn largest(&self) -> Option<u64> {
        self.known().map(|it| it.bytes().saturating_mul(4).saturating_add(1 << 20))
    }

    /// Whether values are dropped.
    pub fn is_synthetic(&self) -> bool {
        self.synthetic
    }

    /// The bytes of a model at most, decompressed.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Pins the layout, if none is pinned yet; the one that models must have from now on.
    pub(super) fn pin(&self, layout: Layout) -> &Arc<Layout> {
        self.layout.get_or_init(|| Arc::new(layout))
    }
}
