//! What can be wrong with a model from outside.

/// Why a model was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// There is less than what was begun.
    #[error("the pickle ends in the middle, after {0} bytes")]
    Truncated(usize),
    /// An opcode that no model needs.
    #[error("byte {at} of the pickle: opcode {opcode:#04x} has no place in a model")]
    Opcode {
        /// The opcode.
        opcode: u8,
        /// Where it stands.
        at: usize,
    },
    /// Something that would have to be imported.
    #[error("byte {at} of the pickle: {name} has no place in a model, and is not run")]
    Global {
        /// Module and name.
        name: String,
        /// Where it is asked for.
        at: usize,
    },
    /// Opcodes in an order that makes no sense, or values of the wrong kind.
    #[error("byte {at} of the pickle: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// More operations than any model needs.
    #[error("the pickle takes more than {0} operations")]
    TooLong(usize),
    /// More bytes than are allowed.
    #[error("the model is larger than {0} bytes")]
    TooLarge(u64),
    /// Compressed bytes that are none.
    #[error("{compressor}: {reason}")]
    Compressed {
        /// `zlib` or `lzma`.
        compressor: &'static str,
        /// What the decompressor says.
        reason: String,
    },
    /// A pickle, and no model.
    #[error("{0}")]
    NoModel(String),
    /// A technique that cannot be undone.
    #[error("technique {name}: {reason}")]
    Technique {
        /// What P2PFL calls it.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A model, and not of the layout that is expected.
    #[error("{0}")]
    Mismatch(String),
}

impl ModelError {
    /// The exception that P2PFL raises for it.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::Mismatch(_) => "ModelNotMatchingError",
            _ => "DecodingParamsError",
        }
    }
}
