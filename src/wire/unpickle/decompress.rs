//! The compressors of P2PFL, undone: zlib, and LZMA in an .xz container. Neither yields more than it may.

use super::error::ModelError;
use bytes::Bytes;
use std::io::Read;

/// KiB that LZMA may take for its dictionary: P2PFL's preset asks for 8 MiB.
const LZMA_MEMORY: u32 = 16 * 1024;

/// What was compressed.
pub(super) fn decompress(compressor: &[u8], bytes: &[u8], max_bytes: u64) -> Result<Bytes, ModelError> {
    match compressor {
        b"zlib" => read("zlib", flate2::bufread::ZlibDecoder::new(bytes), max_bytes),
        b"lzma" => read("lzma", lzma_rust2::XzReader::new_mem_limit(bytes, true, LZMA_MEMORY), max_bytes),
        other => {
            let name = String::from_utf8_lossy(&other[..other.len().min(100)]);
            Err(ModelError::NoModel(format!("byte_compressor is {name}; it can be zlib or lzma")))
        }
    }
}

fn read(compressor: &'static str, from: impl Read, max_bytes: u64) -> Result<Bytes, ModelError> {
    let mut all = Vec::new();
    from.take(max_bytes.saturating_add(1))
        .read_to_end(&mut all)
        .map_err(|error| ModelError::Compressed { compressor, reason: error.to_string() })?;
    if all.len() as u64 > max_bytes {
        return Err(ModelError::TooLarge(max_bytes));
    }
    Ok(all.into())
}
