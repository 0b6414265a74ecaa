//! Reading files of others: never more of one than there may be, whatever it is.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// The largest result, or other file that this program has written, that is read back.
pub const RESULT: u64 = 1 << 30;

/// All bytes of a file of no more than `most`. A device or a pipe has no size, and is read no further than that.
///
/// # Errors
/// A file that cannot be read, or that is larger ([`ErrorKind::FileTooLarge`]); the message tells both sizes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size <= most {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    let size = size.max(bytes.len() as u64);
    if size > most {
        let text = format!("it has {size} bytes; at most {most} are read");
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The same of a file of text.
///
/// # Errors
/// As [`read`], and what is no UTF-8.
pub fn text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_not_read_even_if_it_has_no_size() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, vec![b'x'; 2_048]).unwrap();
        assert_eq!(read(&file, 2_048).unwrap().len(), 2_048);
        for (path, most) in [(&*file, 2_047), (Path::new("/dev/zero"), 1 << 20)] {
            let error = read(path, most).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FileTooLarge);
            assert!(error.to_string().contains(&most.to_string()), "{error}");
        }
        assert_eq!(read(Path::new("/dev/null"), 1).unwrap(), b"");
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(text(&file, 9).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
